"""A model for tests: two inputs, two Dense layers."""

import numpy as np

from benchmarks.models.bench_model import BenchModel


def build():
    import keras

    left, right = (keras.Input((8,), name=name) for name in ("left", "right"))
    x = keras.layers.Dense(32, "relu")(keras.layers.Concatenate()([left, right]))
    return keras.Model([left, right], keras.layers.Dense(4, name="last")(x))


def inputs(rng, rows):
    return {name: rng.normal(size=(rows, 8)).astype(np.float32) for name in ("left", "right")}


MODEL = BenchModel("for tests", build, inputs, batches=(3,), calibration=16, exclude=("last",))
