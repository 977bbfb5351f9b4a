"""Serves SavedModels beside a baseline, and prints what it measured as JSON.

The demo runs this in a new process for each network: it imports NumPy and TensorFlow
and loads the op library, nothing else of tfsparse, as a server would.

    python serve.py --library LIB.so --baseline DIR --models DIR DIR --data FILE.npz --batch 1 64
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

Predict = Callable[[np.ndarray], np.ndarray]


def load(folder: str) -> Predict:
    """Loads a SavedModel and returns its serving_default signature as a function."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    signature = meta_graph.signature_def["serving_default"]
    ((_, model_input),) = signature.inputs.items()
    ((_, model_output),) = signature.outputs.items()
    # A callable of the session is the shortest way into the runtime from Python.
    predict: Predict = session.make_callable(model_output.name, [model_input.name])
    return predict


def measure(predicts: list[Predict], x: np.ndarray, seconds: float) -> list[float]:
    """Median milliseconds of each function on `x`, called in turns of a few calls.

    The speed of a machine drifts; turns make all of them drift alike.
    """
    times: list[list[float]] = [[] for _ in predicts]
    for predict in predicts:
        for _ in range(3):
            predict(x)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 20:
        for predict, measured in zip(predicts, times, strict=True):
            for _ in range(5):
                start = time.perf_counter()
                predict(x)
                measured.append(1000 * (time.perf_counter() - start))
    return [statistics.median(measured) for measured in times]


def serve(
    model: Predict,
    baseline: Predict,
    data: dict[str, np.ndarray],
    batches: list[int],
    seconds: float,
) -> dict[str, Any]:
    """Accuracy of a model, and what its batches take beside the baseline.

    Args:
        model: The model.
        baseline: The model that it is compared with; it may be the same.
        data: ``images`` and ``labels``.
        batches: Batch sizes to time.
        seconds: Time for a batch size.
    """
    timings: list[dict[str, Any]] = []
    for batch in batches:
        x = np.resize(data["images"], (batch, *data["images"].shape[1:]))
        baseline_ms, ms = measure([baseline, model], x, seconds)
        speedup = 1.0 if model is baseline else baseline_ms / ms
        timings.append({"batch": batch, "ms": ms, "speedup": speedup})
    accuracy = float((model(data["images"]).argmax(axis=1) == data["labels"]).mean())
    return {"accuracy": accuracy, "timings": timings}


def main() -> None:
    """Reads the arguments, serves, and prints a JSON object for each model, as a list."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--library", required=True, help="op library to load")
    parser.add_argument("--baseline", required=True, help="SavedModel to compare with")
    parser.add_argument("--models", required=True, nargs="+", help="SavedModels to serve")
    parser.add_argument("--data", required=True, help=".npz file with images and labels")
    parser.add_argument("--batch", type=int, nargs="+", default=[64], help="batch sizes to time")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for a batch size")
    arguments = parser.parse_args()

    tf.load_op_library(arguments.library)
    data = dict(np.load(Path(arguments.data)))
    baseline = load(arguments.baseline)
    results = []
    for folder in arguments.models:
        model = baseline if folder == arguments.baseline else load(folder)
        results.append(serve(model, baseline, data, arguments.batch, arguments.seconds))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
