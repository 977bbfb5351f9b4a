"""Where a SavedModel's time goes, by type of op.

A Session with a full trace says how long each op's kernel took. The trace costs some microseconds
an op, so shares of many tiny ops are too large. It runs in a child process: see `of`.
"""

from __future__ import annotations

import dataclasses
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import child

RUNS, WARM_UPS = 15, 3
_LABEL = re.compile(r"= ?([A-Za-z_0-9>]+)\(")


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
    with np.load(request["inputs"]) as arrays:
        inputs = dict(arrays)
    ops = by_type(_trace(request["folder"], inputs, request["threads"]))
    return {"ops": [dataclasses.asdict(each) for each in ops]}


def _trace(
    folder: str, inputs: dict[str, np.ndarray], threads: int
) -> list[list[tuple[str, float]]]:
    import tensorflow as tf

    import tfsparse  # noqa: F401  registers the ops

    v1 = tf.compat.v1
    config = v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1)
    options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
    runs = []
    with tf.Graph().as_default(), v1.Session(config=config) as session:
        graph = v1.saved_model.load(session, ["serve"], folder)
        signature = graph.signature_def["serving_default"]
        fetches = [output.name for output in signature.outputs.values()]
        feed = {given.name: inputs[name] for name, given in signature.inputs.items()}
        for _ in range(WARM_UPS):
            session.run(fetches, feed)
        for _ in range(RUNS):
            metadata = v1.RunMetadata()
            session.run(fetches, feed, options=options, run_metadata=metadata)
            stats = metadata.step_stats.dev_stats
            runs.append([each for device in stats for each in map(_op_of, device.node_stats)])
    return runs


def _op_of(stats: Any) -> tuple[str, float]:
    """Type and milliseconds; the label reads ``name = Type(inputs)``."""
    label = _LABEL.search(stats.timeline_label)
    ms = (stats.op_end_rel_nanos - stats.op_start_rel_nanos) / 1e6
    return label[1] if label else stats.node_name, ms


if __name__ == "__main__":
    child.answer(answer)
