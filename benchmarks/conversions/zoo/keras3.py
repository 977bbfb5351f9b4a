"""Keras 3: Sequential, functional with two inputs and a residual, and subclassed; 4x1 90%."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned

WIDTH = 256


def sequential(_: Path) -> Any:
    """Dense, BatchNorm, ReLU, twice."""
    import keras
    from keras import layers

    stack = [keras.Input((WIDTH,))]
    for _index in range(2):
        stack += [layers.Dense(WIDTH), layers.BatchNormalization(), layers.ReLU()]
    return pruned(keras.Sequential([*stack, layers.Dense(32)]))


def functional(_: Path) -> Any:
    """Two inputs, and a residual."""
    import keras
    from keras import layers

    left, right = (keras.Input((WIDTH,), name=name) for name in ("left", "right"))
    x = layers.Dense(WIDTH, "gelu")(layers.Concatenate()([left, right]))
    x = layers.Add()([x, layers.Dense(WIDTH, "relu")(x)])
    return pruned(keras.Model([left, right], layers.Dense(32, "softmax")(x)))


def subclassed(_: Path) -> Any:
    """Written as a class, with an attention layer in an attribute."""
    import keras
    import tensorflow as tf
    from keras import layers

    class Encoder(keras.Model):  # type: ignore[misc]
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
    return pruned(model)


MODELS = (
    ConversionModel("keras3_sequential", "Keras 3, Dense, BatchNorm, ReLU", sequential),
    ConversionModel("keras3_functional", "Keras 3, two inputs, a residual", functional),
    ConversionModel("keras3_subclassed", "Keras 3, an encoder written as a class", subclassed),
)
