"""Where a SavedModel's time goes, by type of op.

A Session with a full trace says how long each op's kernel took. The trace costs some microseconds
an op, so shares of many tiny ops are too large. It runs in a child process: see `of`.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import child


@dataclasses.dataclass(frozen=True)
class OpTime:
    """Ops of one type.

    Attributes:
        op: The type, such as ``"Softmax"``.
        count: How many ran.
        ms: Time of all of them in a run, median of some runs.
    """

    op: str
    count: int
    ms: float


def of(folder: Path, inputs: Path, threads: int) -> list[OpTime]:
    """Traces a SavedModel.

    Args:
        folder: The SavedModel.
        inputs: Inputs by name, an ``.npz`` file.
        threads: Threads of TensorFlow.

    Returns:
        The most expensive type first.

    Raises:
        benchmarks.harness.child.ChildError: If it does not run.
    """
    request = {"folder": str(folder), "inputs": str(inputs), "threads": threads}
    answer = child.run("benchmarks.models.op_times", request)
    return [OpTime(**each) for each in answer["ops"]]


def by_type(runs: Iterable[Iterable[tuple[str, float]]]) -> list[OpTime]:
    """Sums times by type of op.

    Args:
        runs: For each run, type and milliseconds of each op.
    """
    sums: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, int] = {}
    for run in runs:
        of_run: dict[str, list[float]] = defaultdict(list)
        for op, ms in run:
            of_run[op].append(ms)
        for op, times in of_run.items():
            sums[op].append(sum(times))
            counts[op] = len(times)
    ops = [OpTime(op, counts[op], statistics.median(times)) for op, times in sums.items()]
    return sorted(ops, key=lambda each: -each.ms)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What the child does."""
    import tfsparse  # noqa: F401  registers the ops
    from tfsparse.serving.op_times import trace

    with np.load(request["inputs"]) as arrays:
        inputs = dict(arrays)
    runs = trace(request["folder"], inputs, "serving_default", request["threads"])
    ops = by_type([(op, ms) for _, op, ms in run] for run in runs)
    return {"ops": [dataclasses.asdict(each) for each in ops]}


if __name__ == "__main__":
    child.answer(answer)
