"""An encoder written with tf_keras's MultiHeadAttention, of the size of BERT mini."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.models.bench_model import Arrays, BenchModel

LENGTH, VOCABULARY, WIDTH, HEADS, LAYERS = 128, 8000, 256, 4, 4


def build() -> Any:
    """See `BenchModel`."""
    import tf_keras
    from tf_keras import layers

    ids = tf_keras.Input((LENGTH,), dtype="int32", name="token_ids")
    x = layers.LayerNormalization()(layers.Embedding(VOCABULARY, WIDTH)(ids))
    for _ in range(LAYERS):
        attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, attention]))
        hidden = layers.Dense(4 * WIDTH, "gelu")(x)
        x = layers.LayerNormalization()(layers.Add()([x, layers.Dense(WIDTH)(hidden)]))
    return tf_keras.Model(ids, x)


def inputs(rng: np.random.Generator, rows: int) -> Arrays:
    """See `BenchModel`."""
    return {"token_ids": rng.integers(0, VOCABULARY, (rows, LENGTH), np.int32)}


MODEL = BenchModel("tf_keras encoder, 4 layers of 256, 4 heads, sequence 128", build, inputs)
