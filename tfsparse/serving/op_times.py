"""Where a model's time goes, op by op: a trace of TensorFlow's.

A trace costs some microseconds an op, so shares of many tiny ops are too large. The names are those
of the graph as TensorFlow runs it, in which an op that was fused has the name of the last of its
parts.
"""

from __future__ import annotations

import dataclasses
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

RUNS, WARM_UPS = 15, 3
_LABEL = re.compile(r"= ?([A-Za-z_0-9>]+)\(")


@dataclasses.dataclass(frozen=True)
class OpTime:
    """An op.

    Attributes:
        name: Of its node.
        op: Its type, such as ``"Softmax"``.
        ms: Its time in a run, median of some runs.
    """

    name: str
    op: str
    ms: float


def op_times(
    folder: str, inputs: Mapping[str, np.ndarray], signature: str, threads: int
) -> list[OpTime]:
    """Traces a SavedModel, whose ops have to be registered.

    Args:
        folder: The SavedModel.
        inputs: Inputs by name.
        signature: Key of the signature.
        threads: Threads of an op.

    Returns:
        The most expensive op first.
    """
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in trace(folder, inputs, signature, threads):
        of_run: dict[tuple[str, str], float] = defaultdict(float)
        for name, op, ms in run:
            of_run[name, op] += ms
        for key, ms in of_run.items():
            times[key].append(ms)
    made = [OpTime(name, op, statistics.median(each)) for (name, op), each in times.items()]
    return sorted(made, key=lambda each: -each.ms)


def trace(
    folder: str, inputs: Mapping[str, np.ndarray], signature: str, threads: int
) -> list[list[tuple[str, str, float]]]:
    """Name, type and milliseconds of each op, for each of some runs; see `op_times`."""
    v1 = tf.compat.v1
    config = v1.ConfigProto(
        intra_op_parallelism_threads=threads,
        inter_op_parallelism_threads=1,
        device_count={"GPU": 0},
    )
    options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
    runs = []
    with tf.Graph().as_default(), v1.Session(config=config) as session:
        graph = v1.saved_model.load(session, ["serve"], folder)
        found = graph.signature_def[signature]
        fetches = [output.name for output in found.outputs.values()]
        feed = {given.name: inputs[name] for name, given in found.inputs.items()}
        for _ in range(WARM_UPS):
            session.run(fetches, feed)
        for _ in range(RUNS):
            metadata = v1.RunMetadata()
            session.run(fetches, feed, options=options, run_metadata=metadata)
            devices = metadata.step_stats.dev_stats
            runs.append([_of(stats) for device in devices for stats in device.node_stats])
    return runs


def by_type(times: Iterable[OpTime]) -> list[tuple[str, int, float]]:
    """Type, number and milliseconds of all ops of each type, the most expensive first."""
    sums: dict[str, list[float]] = defaultdict(list)
    for each in times:
        sums[each.op].append(each.ms)
    rows = [(op, len(each), sum(each)) for op, each in sums.items()]
    return sorted(rows, key=lambda row: -row[2])


def _of(stats: Any) -> tuple[str, str, float]:
    """Name, type and milliseconds; the label reads ``name = Type(inputs)``."""
    label = _LABEL.search(stats.timeline_label)
    ms = (stats.op_end_rel_nanos - stats.op_start_rel_nanos) / 1e6
    return stats.node_name, label[1] if label else stats.node_name, ms
