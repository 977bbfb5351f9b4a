"""Keras 3 and tf_keras: Sequential, functional with two inputs and a residual, and subclassed.

All are pruned to 4x1 90%.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned

WIDTH = 256


def sequential(keras: Any) -> Any:
    """Dense, BatchNorm, ReLU, twice."""
    layers = keras.layers
    stack = [keras.Input((WIDTH,))]
    for _index in range(2):
        stack += [layers.Dense(WIDTH), layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([*stack, layers.Dense(32)])


def functional(keras: Any) -> Any:
    """Two inputs, and a residual."""
    layers = keras.layers
    left, right = (keras.Input((WIDTH,), name=name) for name in ("left", "right"))
    x = layers.Dense(WIDTH, "gelu")(layers.Concatenate()([left, right]))
    x = layers.Add()([x, layers.Dense(WIDTH, "relu")(x)])
    return keras.Model([left, right], layers.Dense(32, "softmax")(x))


def subclassed(keras: Any) -> Any:
    """Written as a class, with an attention layer in an attribute."""
    import tensorflow as tf

    layers = keras.layers

    class Encoder(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.attention = layers.MultiHeadAttention(4, WIDTH // 4)
            self.normalization = layers.LayerNormalization()
            self.hidden = layers.Dense(4 * WIDTH, "relu")
            self.out = layers.Dense(WIDTH)

        def call(self, x: Any) -> Any:
            x = self.normalization(x + self.attention(x, x))
            return x + self.out(self.hidden(x))

    model = Encoder()
    model(tf.zeros((2, 16, WIDTH)))
    return model


def _pruned_by(keras: str, build: Callable[[Any], Any]) -> Callable[[Path], Any]:
    return lambda _folder: pruned(build(importlib.import_module(keras)))


MODELS = tuple(
    ConversionModel(f"{short}_{build.__name__}", f"{title}, {about}", _pruned_by(keras, build))
    for keras, short, title in (("keras", "keras3", "Keras 3"), ("tf_keras", "tfk", "tf_keras"))
    for build, about in (
        (sequential, "Dense, BatchNorm, ReLU"),
        (functional, "two inputs, a residual"),
        (subclassed, "an encoder written as a class"),
    )
)
