"""MLP-Mixer S/16 (arXiv 2105.01601), in Keras 3, for images of 224 by 224."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.models.bench_model import Arrays, BenchModel

IMAGE, PATCH, WIDTH, TOKENS_HIDDEN, CHANNELS_HIDDEN, LAYERS = 224, 16, 512, 256, 2048, 8
TOKENS = (IMAGE // PATCH) ** 2


def build() -> Any:
    """See `BenchModel`."""
    import keras
    from keras import layers

    def perceptron(x: Any, hidden: int) -> Any:
        return layers.Dense(x.shape[-1])(layers.Dense(hidden, "gelu")(x))

    image = keras.Input((IMAGE, IMAGE, 3), name="image")
    x = layers.Conv2D(WIDTH, PATCH, PATCH, name="stem")(image)
    x = layers.Reshape((TOKENS, WIDTH))(x)
    for _ in range(LAYERS):
        mixed = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Permute((2, 1))(perceptron(mixed, TOKENS_HIDDEN))])
        mixed = layers.LayerNormalization()(x)
        x = layers.Add()([x, perceptron(mixed, CHANNELS_HIDDEN)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(image, layers.Dense(1000, name="head")(x))


def inputs(rng: np.random.Generator, rows: int) -> Arrays:
    """See `BenchModel`."""
    return {"image": rng.normal(size=(rows, IMAGE, IMAGE, 3)).astype(np.float32)}


MODEL = BenchModel(
    "MLP-Mixer S/16, Keras 3, 224 by 224", build, inputs, batches=(1, 8), exclude=("stem",)
)
