"""Processes of Beam's multi-process direct runner, which read files of examples."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tfsparse
from benchmarks.scale_out.job import Job
from benchmarks.scale_out.notes import noted

_PARTS_OF_A_WORKER = 4


def run_on_examples(job: Job) -> np.ndarray:
    """An element is an example, and Beam makes batches of them."""
    return _run(job, lambda rows: rows, batched=False)


def run_on_batches(job: Job) -> np.ndarray:
    """An element is a batch."""
    size = job.batch
    cut = lambda rows: (rows[at : at + size] for at in range(0, len(rows), size))  # noqa: E731
    return _run(job, cut, batched=True)


def _run(job: Job, cut: Callable[[np.ndarray], Iterable[np.ndarray]], batched: bool) -> np.ndarray:
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
            if self._found:
                np.save(f"{self._folder}/{uuid.uuid4()}", np.stack(self._found))

    options = PipelineOptions(
        runner="DirectRunner",
        direct_running_mode="multi_processing",
        direct_num_workers=job.workers,
    )
    handler: Any = Noting(job.folder, min_batch_size=job.batch, max_batch_size=job.batch)
    if batched:
        handler = handler.with_no_batching()
    with tempfile.TemporaryDirectory() as given, tempfile.TemporaryDirectory() as out:
        files = [f"{given}/{index}.npy" for index in range(_PARTS_OF_A_WORKER * job.workers)]
        for file, part in zip(files, np.array_split(job.x, len(files)), strict=True):
            np.save(file, part)
        with beam.Pipeline(options=options) as pipeline:
            parts = pipeline | beam.Create(files) | beam.Reshuffle()
            elements = parts | beam.FlatMap(lambda file: cut(np.load(file)))
            _ = elements | RunInference(handler) | beam.ParDo(Write(out))
        return np.concatenate([np.load(file) for file in Path(out).iterdir()])
