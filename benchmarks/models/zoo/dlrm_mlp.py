"""DLRM's top perceptron, with the widths that MLPerf has."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.models.bench_model import Arrays, BenchModel

SIZES = (480, 1024, 1024, 512, 256, 1)


def build() -> Any:
    """See `BenchModel`."""
    import keras

    layers = [keras.layers.Dense(size, "relu") for size in SIZES[1:-1]]
    inputs = keras.layers.Input(SIZES[:1], name="features")
    return keras.Sequential([inputs, *layers, keras.layers.Dense(SIZES[-1], name="logit")])


def inputs(rng: np.random.Generator, rows: int) -> Arrays:
    """See `BenchModel`."""
    return {"features": rng.random((rows, SIZES[0]), np.float32)}


MODEL = BenchModel(
    "DLRM's top perceptron, 480-1024-1024-512-256-1",
    build,
    inputs,
    batches=(1, 64, 2048),
    calibration=512,
    exclude=("logit",),
)
