"""What a call from Python costs beside the model: `tfsparse.load` and the other ways to call one.

    python -m benchmarks.load_overhead MODELS

MODELS is a folder that `benchmarks.serving_models` has written: DLRM's top perceptron in INT8.
Every way loads the same file with one thread and is timed in turns with the others, in one process,
on the same rows. "C API" is ``TF_SessionRun`` alone, on a tensor that was made before: what the
model takes.

A second table is of a model that does next to nothing, beside ONNX Runtime and OpenVINO where they
are installed: there the call is all that is timed, so that engines can be compared whose kernels
differ.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] = "1"  # before TensorFlow's first device

import numpy as np
import tensorflow as tf
from rich.table import Table

import tfsparse
from benchmarks import idle_model
from benchmarks.harness.arguments import comma_separated, positive
from benchmarks.harness.json_file import write_json
from benchmarks.harness.screen import show
from tfsparse.serving.c_api import function
from tfsparse.serving.tensors import delete_tensor, to_tensor

Call = Callable[[np.ndarray], Any]
INPUTS = 480
C_API = "C API"
_FLOAT = 1


def ways(folder: Path, x: np.ndarray) -> dict[str, Call]:
    """Every way to call the model; all give the same result."""
    model = tfsparse.load(folder, threads=1)
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    (output,) = model.signature.outputs
    return {
        C_API: _session_run(model, x),
        "tfsparse.load": model,
        "Session.make_callable": _make_callable(folder, model),
        "signature": lambda rows: signature(x=tf.constant(rows))[output].numpy(),
    }


def _session_run(model: tfsparse.ServedModel, x: np.ndarray) -> Call:
    run, status = function("TF_SessionRun"), model._statuses.status
    fed, fetched = (ctypes.c_void_p * 1)(to_tensor(x, _FLOAT)), (ctypes.c_void_p * 1)()
    head = (model._session.pointer, None, model._fed, fed, 1, model._fetched, fetched, 1)

    def call(_: np.ndarray) -> None:
        run(*head, None, 0, None, status.pointer)
        status.check()
        delete_tensor(fetched[0])

    return call


def _make_callable(folder: Path, model: tfsparse.ServedModel) -> Call:
    with tf.Graph().as_default():
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1
        )
        session = tf.compat.v1.Session(config=config)
        tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        (x,), (y,) = model.signature.inputs.values(), model.signature.outputs.values()
        return session.make_callable(y.element, [x.element])  # type: ignore[no-any-return]


def medians(calls: dict[str, Call], x: np.ndarray, turns: int, seconds: float) -> dict[str, float]:
    """Microseconds of each way, in turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(turns + 1):  # the first one warms up
        for name, call in calls.items():
            end = time.perf_counter() + seconds / turns
            while (start := time.perf_counter()) < end:
                call(x)
                if turn:
                    times[name].append(1e6 * (time.perf_counter() - start))
    return {name: statistics.median(each) for name, each in times.items()}


def _limit_threads() -> None:
    """Of the signature, whose pool is that of the process."""
    tf.config.threading.set_intra_op_parallelism_threads(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Times all ways, prints a table, and writes it where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load_overhead")
    parser.add_argument("models", type=Path)
    parser.add_argument("--rows", type=comma_separated(positive), default=[1, 64])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each way and batch")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    _limit_threads()
    folder = options.models / (options.models / "models.txt").read_text().split()[0]
    records = _measure("DLRM's top perceptron, INT8", folder, options, lambda rows: {})
    with tempfile.TemporaryDirectory() as scratch:
        idle_model.save(Path(scratch, "1"), INPUTS)
        records += _measure(
            "a model that does nothing",
            Path(scratch, "1"),
            options,
            lambda rows: idle_model.peers(INPUTS, rows),
        )
    if options.json:
        write_json(options.json, records)


def _measure(
    title: str, folder: Path, options: argparse.Namespace, others: Callable[[int], dict[str, Call]]
) -> list[dict[str, Any]]:
    """Times and shows all ways to call a model."""
    table = Table("rows", "call", "us", "over the C API", title=title)
    for column in table.columns[2:]:
        column.justify = "right"
    records = []
    for rows in options.rows:
        x = np.random.default_rng(0).random((rows, INPUTS), np.float32)
        calls = ways(folder, x) | others(rows)
        found = medians(calls, x, turns=5, seconds=options.seconds)
        for name, us in found.items():
            over = us - found[C_API]
            table.add_row(str(rows), name, f"{us:.1f}", "" if name == C_API else f"{over:.1f}")
            records.append(
                {"model": title, "rows": rows, "call": name, "us": us, "over_c_api_us": over}
            )
    show(table)
    return records


if __name__ == "__main__":
    main(sys.argv[1:])
