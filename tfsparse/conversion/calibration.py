"""Finds the range of activations by running a graph on calibration data.

The method is min/max: the range of a tensor is from the least to the greatest value seen
in any batch. It never clips what the data held, which suits the ranges after a ReLU, and
it needs no choice of a percentile; a lone outlier widens the range, so calibration data should be
ordinary data. A few hundred examples are enough.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_function import graph_function


@dataclasses.dataclass(frozen=True)
class Range:
    """Least and greatest value of a tensor."""

    minimum: float
    maximum: float


def calibrate(
    graph: FrozenGraph, tensors: Mapping[str, str], batches: Iterable[Mapping[str, np.ndarray]]
) -> dict[str, Range]:
    """Runs the graph on every batch and collects the range of each tensor.

    Args:
        graph: A frozen graph.
        tensors: Name of a tensor to the layer that a message about it should name.
        batches: Dicts of input name to array.

    Returns:
        Tensor name to range.

    Raises:
        ValueError: If no batch holds an example, a batch does not run, or a tensor
            becomes NaN or Inf.
    """
    if not tensors:
        return {}
    measure = _measuring_function(graph, list(tensors))
    seen = {name: Range(np.inf, -np.inf) for name in tensors}
    for batch in batches:
        try:
            measured = measure(**{key: tf.constant(value) for key, value in batch.items()})
        except (tf.errors.OpError, TypeError) as error:
            raise ValueError(
                "`calibration_data` should run through the model. Received: a batch of shapes "
                f"{ {key: value.shape for key, value in batch.items()} }, which gives: {error}"
            ) from error
        for name, (minimum, maximum, finite) in measured.items():
            if not finite:
                raise ValueError(
                    "`calibration_data` should give finite activations. "
                    f"Received: NaN or Inf at layer {tensors[name]!r}"
                )
            seen[name] = Range(
                min(seen[name].minimum, float(minimum)), max(seen[name].maximum, float(maximum))
            )
    if any(found.minimum > found.maximum for found in seen.values()):
        raise ValueError("`calibration_data` should hold at least one example. Received: none")
    return seen


def _measuring_function(graph: FrozenGraph, names: list[str]) -> Any:
    """A function from inputs to ``(minimum, maximum, all finite)`` of each tensor."""
    run = graph_function(graph, {name: name for name in names})

    def measure(**inputs: tf.Tensor) -> dict[str, tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
        return {
            name: (
                tf.reduce_min(value),
                tf.reduce_max(value),
                tf.reduce_all(tf.math.is_finite(value)),
            )
            for name, value in run(**inputs).items()
        }

    return tf.function(measure, autograph=False, reduce_retracing=True)
