"""DLRM as MLPerf has it, in Keras 3: two perceptrons with lookups and dot products in between.

Thirteen numbers go through the bottom perceptron; 26 categories are looked up in a table each. The
dot products of all pairs of these 27 vectors, beside the dense vector itself, are what the top
perceptron sees. See Naumov et al., "Deep Learning Recommendation Model for Personalization and
Recommendation Systems", arXiv 1906.00091.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

DENSE_FEATURES = 13
TABLES = 26
WIDTH = 128
BOTTOM = (512, 256, WIDTH)
TOP = (1024, 1024, 512, 256, 1)

TWO_LAYERS = ("top_1", "top_2")
"""What Intel pruned for MLPerf v1.1: 1024x1024 and 1024x512, the second and third of the top."""

WIDE_LAYERS = ("bottom_1", "bottom_2", "top_0", "top_1", "top_2", "top_3")
"""All but the first, which has 13 inputs, and the last, which has one output."""


def build(
    table_sizes: Sequence[int],
    width: int = WIDTH,
    bottom: Sequence[int] = BOTTOM,
    top: Sequence[int] = TOP,
) -> keras.Model:
    """Makes a DLRM with random weights.

    Args:
        table_sizes: Rows of each table.
        width: Elements of a row; the last layer of the bottom perceptron has as many outputs.
        bottom: Outputs of the layers of the bottom perceptron.
        top: Outputs of the layers of the top perceptron; the last one is the probability.

    Returns:
        A model of ``{"dense": (batch, 13) float32, "ids": (batch, tables) int32}`` that gives the
        probability of a click, ``(batch, 1)`` float32.

    Raises:
        ValueError: If the bottom perceptron does not end in `width` outputs.
    """
    if bottom[-1] != width:
        raise ValueError(
            f"`bottom` should end in `width`. Received: bottom={bottom}, width={width}"
        )
    dense = keras.Input((DENSE_FEATURES,), name="dense")
    ids = keras.Input((len(table_sizes),), dtype="int32", name="ids")
    vector: Any = dense
    for place, units in enumerate(bottom):
        vector = keras.layers.Dense(units, "relu", name=f"bottom_{place}")(vector)
    rows = [
        keras.layers.Embedding(size, width, _uniform(size), name=f"table_{place}")(ids[:, place])
        for place, size in enumerate(table_sizes)
    ]
    pairs = _interaction()([vector, *rows])
    hidden = keras.layers.Concatenate(name="features")([vector, pairs])
    for place, units in enumerate(top[:-1]):
        hidden = keras.layers.Dense(units, "relu", name=f"top_{place}")(hidden)
    last = keras.layers.Dense(top[-1], "sigmoid", name=f"top_{len(top) - 1}")
    return keras.Model({"dense": dense, "ids": ids}, last(hidden), name="dlrm")


def dense_layers_but(layers: Sequence[str], model: keras.Model) -> list[str]:
    """Names of the dense layers of a model that are not among some."""
    every = [each.name for each in model.layers if isinstance(each, keras.layers.Dense)]
    return [name for name in every if name not in layers]


def _uniform(size: int) -> keras.initializers.Initializer:
    """The reference implementation's: within one over the root of the number of rows."""
    bound = float(np.sqrt(1 / size))
    return keras.initializers.RandomUniform(-bound, bound)


def _interaction() -> keras.layers.Layer:
    try:
        import keras_rs
    except ImportError:
        return PairwiseDots(name="interaction")
    layer: keras.layers.Layer = keras_rs.layers.DotInteraction(name="interaction")
    return layer


@keras.saving.register_keras_serializable("tfsparse_examples")
class PairwiseDots(keras.layers.Layer):
    """`keras_rs.layers.DotInteraction` where Keras RS is not installed: the lower triangle."""

    def call(self, inputs: list[Any]) -> Any:
        """Dot products of all pairs of different vectors, a row of the triangle after the other.

        Args:
            inputs: Tensors ``(batch, width)``.
        """
        vectors = keras.ops.stack(inputs, axis=1)
        products = keras.ops.matmul(vectors, keras.ops.transpose(vectors, (0, 2, 1)))
        count = len(inputs)
        rows, columns = np.tril_indices(count, -1)
        flat = keras.ops.reshape(products, (-1, count * count))
        return keras.ops.take(flat, rows * count + columns, axis=1)

    def compute_output_shape(self, input_shape: list[Any]) -> tuple[int | None, int]:
        """The batch, and the number of pairs."""
        return input_shape[0][0], len(input_shape) * (len(input_shape) - 1) // 2
