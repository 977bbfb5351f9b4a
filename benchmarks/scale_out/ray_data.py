"""Actors of Ray Data's ``map_batches``."""

from __future__ import annotations

from typing import Any

import numpy as np

import tfsparse
from benchmarks.scale_out.job import Job
from benchmarks.scale_out.notes import noted

_BATCHES_OF_A_BLOCK = 32
"""A block is a task of an actor's; Ray takes some ten milliseconds for each."""


def run(job: Job) -> np.ndarray:
    """Results in any order."""
    import ray

    class Noting(tfsparse.serving.RayPredictor):
        def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
            with noted(job.notes, len(batch["data"])):
                return super().__call__({"x": batch["data"]})

    folder, batch, rows = job.folder, job.batch, _BATCHES_OF_A_BLOCK * job.batch
    blocks = [job.x[start : start + rows] for start in range(0, len(job.x), rows)]
    ray.init(num_cpus=job.workers, include_dashboard=False, log_to_driver=False)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        scored = ray.data.from_numpy(blocks).map_batches(
            Noting, fn_constructor_args=[folder], concurrency=job.workers, batch_size=batch
        )
        whole = scored.iter_batches(batch_size=None)  # blocks as they come, not cut anew
        (found,) = zip(*(each.values() for each in whole), strict=True)
        return np.concatenate(found)
    finally:
        ray.shutdown()
