"""The models whose training `training_overhead.py` times, for either version of Keras.

Small enough to be trained on two cores, and shaped like what is pruned in practice:
kernels that see many rows at each step (the pixels of a convolution, the tokens of a
transformer) and kernels that see few (a multi-layer perceptron), where whatever is done to the
kernel itself weighs most.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

Batch = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Case:
    """A model to train.

    Attributes:
        title: What it is, for the table.
        build: Makes it with the Keras that is passed in.
        batch: Makes the inputs and labels of one step, of a given number of examples.
        batch_size: Examples in a step unless asked otherwise.
    """

    title: str
    build: Callable[[ModuleType], Any]
    batch: Callable[[int], Batch]
    batch_size: int


def mlp(keras: ModuleType, features: int = 784, units: int = 1024, classes: int = 10) -> Any:
    """Three hidden layers."""
    layers = [keras.Input((features,))]
    for number in range(3):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"hidden_{number}"))
    return keras.Sequential([*layers, keras.layers.Dense(classes, name="logits")], name="mlp")


def resnet20(keras: ModuleType, size: int = 32, width: int = 16, blocks: int = 3) -> Any:
    """The ResNet of He et al. (2016) for 32x32 images: 3 stages of `blocks` blocks, 6n+2 layers."""
    inputs = keras.Input((size, size, 3))
    x = _convolution(keras, inputs, width, 3, 1, "stem")
    x = keras.layers.ReLU()(x)
    for stage in range(3):
        for block in range(blocks):
            name = f"stage{stage}_block{block}"
            stride = 2 if stage and not block else 1
            filters = width * 2**stage
            y = keras.layers.ReLU()(_convolution(keras, x, filters, 3, stride, f"{name}_a"))
            y = _convolution(keras, y, filters, 3, 1, f"{name}_b")
            if stride > 1:
                x = _convolution(keras, x, filters, 1, stride, f"{name}_shortcut")
            x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10, name="logits")(x), name="resnet20")


def transformer(
    keras: ModuleType,
    tokens: int = 64,
    width: int = 256,
    heads: int = 4,
    depth: int = 4,
    words: int = 1000,
) -> Any:
    """An encoder of `depth` layers with a feed-forward four times as wide, and a classifier."""
    inputs = keras.Input((tokens,), dtype="int32")
    x = keras.layers.Embedding(words, width, name="embedding")(inputs)
    for layer in range(depth):
        attention = keras.layers.MultiHeadAttention(
            heads, width // heads, name=f"layer{layer}_attention"
        )
        x = keras.layers.LayerNormalization()(keras.layers.Add()([x, attention(x, x)]))
        y = keras.layers.Dense(4 * width, activation="gelu", name=f"layer{layer}_expand")(x)
        y = keras.layers.Dense(width, name=f"layer{layer}_reduce")(y)
        x = keras.layers.LayerNormalization()(keras.layers.Add()([x, y]))
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(10, name="logits")(x), name="transformer")


def _convolution(
    keras: ModuleType, x: Any, filters: int, window: int, stride: int, name: str
) -> Any:
    convolution = keras.layers.Conv2D(
        filters, window, strides=stride, padding="same", use_bias=False, name=name
    )
    return keras.layers.BatchNormalization()(convolution(x))


def _images(batch_size: int) -> Batch:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch_size, 32, 32, 3), np.float32)
    return images, rng.integers(0, 10, batch_size)


def _vectors(batch_size: int) -> Batch:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((batch_size, 784), np.float32)
    return vectors, rng.integers(0, 10, batch_size)


def _sentences(batch_size: int) -> Batch:
    rng = np.random.default_rng(0)
    words = rng.integers(0, 1000, (batch_size, 64), np.int32)
    return words, rng.integers(0, 10, batch_size)


CASES = {
    "mlp": Case("MLP 784-1024-1024-1024-10", mlp, _vectors, 256),
    "cnn": Case("ResNet-20, 32x32", resnet20, _images, 128),
    "transformer": Case("transformer, 4 x 256, 64 tokens", transformer, _sentences, 32),
}
