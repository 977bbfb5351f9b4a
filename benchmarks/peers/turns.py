"""One cell: every engine loads a batch of a case, is checked, and is then timed in turns.

Turns, because a machine drifts: all engines see the same weather. Medians, because it has gusts.
An engine whose result is not the network's is not timed.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.peers.case import Case, checked_rows
from benchmarks.peers.worker_process import WorkerError

TOLERANCE = {"fp32": 1e-3, "int8": 0.25}
"""Root of the mean squared error over the standard deviation of the results.

INT8 leaves 0.04 to 0.07 in the deepest network here; a result of one row may be unlucky.
"""


class Asks(Protocol):
    """A `WorkerProcess`, or what a test puts in its place."""

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and gives the answer."""


@dataclasses.dataclass
class Timing:
    """What came of one engine: milliseconds of each run, or why there are none."""

    ms: list[float] = dataclasses.field(default_factory=list)
    problem: str = ""

    @property
    def median(self) -> float | None:
        """Median of the runs."""
        return statistics.median(self.ms) if self.ms else None

    @property
    def minimum(self) -> float | None:
        """The shortest run."""
        return min(self.ms, default=None)


def error_of(result: np.ndarray, case: Case, batch: int) -> float:
    """How far a result is from the float64 one, in standard deviations of the results."""
    expected = case.expected[batch]
    if result.size != batch * expected.shape[1]:
        return float("inf")
    rows = result.reshape(batch, -1)[checked_rows(batch)].astype(np.float64)
    return float(np.sqrt(np.mean((rows - expected) ** 2)) / case.spread)


def time_cell(
    workers: Mapping[str, Asks], case: Case, batch: int, threads: int, rounds: int, seconds: float
) -> dict[str, Timing]:
    """Checks and times every engine on one batch.

    Args:
        workers: For each label such as ``"tfsparse/int8"``.
        case: The network.
        batch: Rows.
        threads: Threads of each engine.
        rounds: Turns of each engine.
        seconds: How long a turn is.

    Returns:
        For each label, what came of it.
    """
    timings = {label: Timing() for label in workers}
    for label, worker in workers.items():
        try:
            timings[label].problem = _load(worker, label, case, batch, threads)
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


def _load(worker: Asks, label: str, case: Case, batch: int, threads: int) -> str:
    """Loads and checks; gives what is wrong, or nothing."""
    precision = label.partition("/")[2]
    request = {"case": str(case.folder), "precision": precision, "batch": batch}
    worker.ask(do="load", threads=threads, **request)
    file = Path(case.folder, "result.npy")
    worker.ask(do="save", file=str(file))
    error = error_of(np.load(file), case, batch)
    if not error <= TOLERANCE[precision]:
        return f"wrong result: error {error:.3g}, tolerance {TOLERANCE[precision]:g}"
    return ""
