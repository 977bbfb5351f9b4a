"""Spark: a model for ``predict_batch_udf``. It imports nothing of Spark's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfsparse.serving.loading import load
from tfsparse.serving.rows import call_columns
from tfsparse.serving.served_model import ServedModel


def spark_predict_fn(
    path: str,
    signature: str | None = None,
    threads: int = 1,
    inputs: Sequence[str] | None = None,
) -> Callable[[], Callable[..., Any]]:
    """What ``pyspark.ml.functions.predict_batch_udf`` takes as ``make_predict_fn``.

    Args:
        path: Folder of the SavedModel, which every executor can read.
        signature: See `tfsparse.load`.
        threads: Threads of an op; 1 by default, as Spark runs a task on each core.
        inputs: Names of the inputs in the order of the columns that the function is called with;
            needed where there are several.

    Returns:
        A function that Spark calls in each of its Python workers. It loads the model, once a
        process, and gives a function of arrays: one array of results where the model has one
        output, or a dict of them. It raises a ValueError if `inputs` are not those of the model.

    Example:

    >>> layers = [keras.layers.Input((3,), name="x"), keras.layers.Dense(2)]
    >>> report = tfsparse.export(keras.Sequential(layers), "served/1")
    >>> predict = spark_predict_fn("served/1")()
    >>> predict(np.ones((4, 3))).shape
    (4, 2)
    """
    return functools.partial(_make, path, signature, threads, None if inputs is None else [*inputs])


def _make(
    path: str, signature: str | None, threads: int, order: list[str] | None
) -> Callable[..., Any]:
    model = _loaded(path, signature, threads)
    names = list(model.signature.inputs) if order is None else order
    if (len(names) > 1 and order is None) or set(names) != set(model.signature.inputs):
        raise ValueError(
            f"`inputs` should list {sorted(model.signature.inputs)} in the order of the columns. "
            f"Received: inputs={order!r}"
        )

    def predict(*columns: np.ndarray) -> Any:
        outputs = call_columns(model, dict(zip(names, columns, strict=True)))
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    return predict


@functools.cache
def _loaded(path: str, signature: str | None, threads: int) -> ServedModel:
    return load(path, signature, threads)
