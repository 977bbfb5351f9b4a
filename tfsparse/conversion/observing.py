"""Runs a graph on data and shows the values of its tensors to whoever asked for them.

The values of all layers together are far larger than a model. So they are not
collected: each is shown as soon as it exists, and TensorFlow frees it after its last reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.graph import Graph
from tfsparse.conversion.reading import run_graph

Batch = Mapping[str, np.ndarray]


def observe(
    graph: Graph,
    specs: Mapping[str, tf.TensorSpec],
    seen: Mapping[str, Callable[[np.ndarray], None]],
    batches: Iterable[Batch],
) -> int:
    """Runs a graph on every batch.

    Args:
        graph: A graph of a whole function.
        specs: For each of its inputs, in order, its name in a batch and its spec.
        seen: Name of a tensor to a function that is called with its value, float32.
        batches: Dicts of input name to array.

    Returns:
        How many batches there were.

    Raises:
        ValueError: If a batch does not run.
    """
    run = _observing(graph, seen)
    count = 0
    for batch in batches:
        try:
            run(*[tf.constant(batch[name], specs[name].dtype) for name in specs])
        except (tf.errors.OpError, TypeError, ValueError) as error:
            raise ValueError(
                "`calibration_data` should run through the model. Received: a batch of shapes "
                f"{ {key: value.shape for key, value in batch.items()} }, which gives: {error}"
            ) from error
        count += 1
    return count


def _observing(graph: Graph, seen: Mapping[str, Callable[[np.ndarray], None]]) -> Any:
    tensors = list(seen)

    def show(value: np.ndarray, place: np.ndarray) -> None:
        seen[tensors[int(place)]](np.asarray(value))

    def run(*inputs: tf.Tensor) -> None:
        for place, value in enumerate(run_graph(graph, inputs, tensors)):
            tf.numpy_function(show, [tf.cast(value, tf.float32), place], [])

    return tf.function(run, autograph=False, reduce_retracing=True)
