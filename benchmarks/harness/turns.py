"""One cell: every engine loads a batch of a case, is checked, and is then timed in turns.

Turns, because a machine drifts: all engines see the same weather. Medians, because it has gusts.
An engine whose result is not the model's is not timed.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.harness.worker_process import WorkerError


class Asks(Protocol):
    """A `WorkerProcess`, or what a test puts in its place."""

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and gives the answer."""


class Checks(Protocol):
    """A case: where it lies, and what its results should be."""

    @property
    def folder(self) -> Path:
        """What an engine loads."""

    def error_of(self, results: Mapping[str, np.ndarray], batch: int) -> float:
        """How far results are from the right ones; infinite if they are not comparable."""


@dataclasses.dataclass
class Timing:
    """What came of one engine.

    Attributes:
        ms: Milliseconds of each run.
        problem: Why there are none.
        error: How far its results were from the right ones.
        precision: What it says that it computes in.
        note: What it says about how it runs.
    """

    ms: list[float] = dataclasses.field(default_factory=list)
    problem: str = ""
    error: float | None = None
    precision: str = ""
    note: str = ""

    @property
    def median(self) -> float | None:
        """Median of the runs."""
        return statistics.median(self.ms) if self.ms else None

    @property
    def minimum(self) -> float | None:
        """The shortest run."""
        return min(self.ms, default=None)


def time_cell(
    workers: Mapping[str, Asks],
    case: Checks,
    batch: int,
    threads: int,
    rounds: int,
    seconds: float,
    tolerance: Mapping[str, float],
) -> dict[str, Timing]:
    """Checks and times every engine on one batch.

    Args:
        workers: For each label such as ``"tfsparse/int8"``.
        case: The model.
        batch: Rows.
        threads: Threads of each engine.
        rounds: Turns of each engine.
        seconds: How long a turn is.
        tolerance: The greatest error of each precision.

    Returns:
        For each label, what came of it.
    """
    timings = {label: Timing() for label in workers}
    for label, worker in workers.items():
        try:
            _load(worker, label, case, batch, threads, tolerance, timings[label])
        except WorkerError as error:
            timings[label].problem = str(error)
    for _ in range(rounds):
        for label, worker in workers.items():
            if timings[label].problem:
                continue
            try:
                timings[label].ms += worker.ask(do="time", seconds=seconds)["ms"]
            except WorkerError as error:
                timings[label] = Timing(problem=str(error))
    return timings


def _load(
    worker: Asks,
    label: str,
    case: Checks,
    batch: int,
    threads: int,
    tolerance: Mapping[str, float],
    timing: Timing,
) -> None:
    """Loads and checks, and writes down what came of it."""
    precision = label.partition("/")[2]
    request = {"case": str(case.folder), "precision": precision, "batch": batch}
    loaded = worker.ask(do="load", threads=threads, **request)
    timing.precision, timing.note = loaded["precision"], loaded["note"]
    file = Path(case.folder, "result.npz")
    worker.ask(do="save", file=str(file))
    with np.load(file) as results:
        timing.error = case.error_of(results, batch)
    if not timing.error <= tolerance[precision]:
        timing.problem = (
            f"wrong result: error {timing.error:.3g}, tolerance {tolerance[precision]:g}"
        )
