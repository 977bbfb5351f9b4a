"""Processes of Beam's multi-process direct runner."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tfsparse
from benchmarks.scale_out.job import Job
from benchmarks.scale_out.notes import noted


def run_on_examples(job: Job) -> np.ndarray:
    """An element is an example, and Beam makes batches of them."""
    return _run(job, list(job.x), batched=False)


def run_on_batches(job: Job) -> np.ndarray:
    """An element is a batch."""
    cuts = range(job.batch, len(job.x), job.batch)
    return _run(job, np.split(job.x, cuts), batched=True)


def _run(job: Job, elements: list[np.ndarray], batched: bool) -> np.ndarray:
    import apache_beam as beam
    from apache_beam.ml.inference.base import RunInference
    from apache_beam.options.pipeline_options import PipelineOptions

    notes = job.notes

    class Noting(tfsparse.serving.BeamModelHandler):
        def run_inference(self, rows: Sequence[Any], model: Any, arguments: Any = None) -> Any:
            with noted(notes, len(rows)):
                return super().run_inference(rows, model, arguments)

    class Write(beam.DoFn):  # type: ignore[misc]
        def __init__(self, folder: str) -> None:
            self._folder = folder

        def start_bundle(self) -> None:
            self._found: list[np.ndarray] = []

        def process(self, element: Any) -> None:
            self._found.append(element.inference)

        def finish_bundle(self) -> None:
            np.save(f"{self._folder}/{uuid.uuid4()}", np.stack(self._found))

    options = PipelineOptions(
        runner="DirectRunner",
        direct_running_mode="multi_processing",
        direct_num_workers=job.workers,
    )
    handler: Any = Noting(job.folder, min_batch_size=job.batch, max_batch_size=job.batch)
    if batched:
        handler = handler.with_no_batching()
    with tempfile.TemporaryDirectory() as out:
        with beam.Pipeline(options=options) as pipeline:
            given = pipeline | beam.Create(elements) | beam.Reshuffle()
            _ = given | RunInference(handler) | beam.ParDo(Write(out))
        return np.concatenate([np.load(file) for file in Path(out).iterdir()])
