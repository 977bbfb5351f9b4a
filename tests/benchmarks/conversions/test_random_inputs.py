"""Inputs fit their signature."""

import numpy as np
import tensorflow as tf

from benchmarks.conversions.random_inputs import BELOW, draw

SPECS = {
    "ids": tf.TensorSpec((None, None), tf.int32),
    "mask": tf.TensorSpec((None, 4), tf.int64),
    "x": tf.TensorSpec((2, 8), tf.float16),
    "flag": tf.TensorSpec((None,), tf.bool),
    "text": tf.TensorSpec((None,), tf.string),
}


def test_shapes_types_and_bounds():
    drawn = draw(SPECS, 500, 7, {"mask": 2}, np.random.default_rng(0))
    shapes = {name: array.shape for name, array in drawn.items()}
    assert shapes == {
        "ids": (500, 7), "mask": (500, 4), "x": (2, 8), "flag": (500,), "text": (500,)
    }  # fmt: skip
    for name, spec in SPECS.items():
        assert tf.constant(drawn[name]).dtype == spec.dtype
    assert drawn["ids"].max() == BELOW - 1 and set(np.unique(drawn["mask"])) == {0, 1}
