"""The product of images and a number for each image and channel; what the op refuses."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

RNG = np.random.default_rng(1)
U8 = RNG.integers(0, 256, (2, 5, 4, 33), dtype=np.uint8)
GOOD = {
    "x_scale": 0.05,
    "x_zero_point": 101,
    "gate": RNG.uniform(0, 1, (2, 1, 1, 33)).astype(np.float32),
    "y_scale": 0.04,
    "y_zero_point": 117,
}


def gate(x, Tout=tf.float32, **changes):  # noqa: N803
    return ops.load().tfsparse_gate_channels(x=tf.constant(x), Tout=Tout, **GOOD | changes).numpy()


@pytest.mark.parametrize("is_float", [False, True])
def test_scales_channels_of_each_image(is_float):
    real = 0.05 * (U8.astype(np.float32) - 101)
    x = real if is_float else U8
    y = gate(x)
    np.testing.assert_allclose(y, real * GOOD["gate"], rtol=1e-5, atol=1e-6)
    quantized = np.clip(np.rint(y / np.float32(0.04)) + 117, 0, 255)
    np.testing.assert_array_equal(gate(x, tf.uint8), quantized)


def test_values_that_are_not_finite():
    x = np.ones(U8.shape, np.float32)
    x[0, 0, 0, :4] = np.nan, np.inf, -np.inf, 0
    one = np.ones((2, 1, 1, 33), np.float32)
    one[0, 0, 0, 3] = np.inf
    y = gate(x, gate=one)
    np.testing.assert_array_equal(y, x * one)
    assert np.isnan(y[0, 0, 0, [0, 3]]).all()
    assert (gate(x, tf.uint8, gate=one)[0, 0, 0, [0, 3]] == 0).all()


def test_keeps_the_shape_of_nothing():
    for shape in ((0, 3, 4, 33), (2, 0, 4, 33), (2, 3, 4, 0)):
        one = np.ones((shape[0], 1, 1, shape[3]), np.float32)
        assert gate(np.zeros(shape, np.uint8), gate=one).shape == shape


@pytest.mark.parametrize(
    "changes",
    [
        {"x": U8[0]},
        {"gate": GOOD["gate"][:1]},
        {"gate": GOOD["gate"][..., :-1]},
        {"gate": GOOD["gate"][:, 0]},
        {"gate": np.ones((2, 5, 1, 33), np.float32)},
        {"x_scale": 0.0},
        {"y_scale": np.inf},
        {"x_zero_point": 256},
        {"y_zero_point": -1},
        {"x_scale": [1.0]},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_invalid_arguments(changes):
    with pytest.raises(tf.errors.InvalidArgumentError):
        gate(**{"x": U8} | changes)
