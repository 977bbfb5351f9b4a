"""Threads of one process, each with a batch at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

import tfsparse
from benchmarks.scale_out.job import Job
from benchmarks.scale_out.notes import by_thread, noted


def run(job: Job) -> np.ndarray:
    """Results in the order of the examples."""
    model = tfsparse.load(job.folder, threads=1)

    def call(start: int) -> np.ndarray:
        rows = job.x[start : start + job.batch]
        with noted(job.notes, len(rows), by_thread):
            result: np.ndarray = model(rows)
        return result

    with ThreadPoolExecutor(job.workers) as pool:
        return np.concatenate(list(pool.map(call, range(0, len(job.x), job.batch))))
