"""Scales and shifts of channels, and their means, of uint8 images; and what the ops refuse."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

RNG = np.random.default_rng(1)
CHANNELS = 33
U8 = RNG.integers(0, 256, (2, 5, 4, CHANNELS), dtype=np.uint8)
F32 = RNG.normal(0, 3, U8.shape).astype(np.float32)
GOOD = {
    "x_scale": 0.05,
    "x_zero_point": 101,
    "scale": RNG.normal(0, 1, CHANNELS).astype(np.float32),
    "shift": RNG.normal(0, 1, CHANNELS).astype(np.float32),
    "y_scale": 0.04,
    "y_zero_point": 17,
}


def scale_shift(x, Tout=tf.float32, activation="linear", **changes):  # noqa: N803
    function = ops.load().tfsparse_scale_shift_channels
    return function(x=tf.constant(x), Tout=Tout, activation=activation, **(GOOD | changes)).numpy()


def real(x):
    return x if x.dtype == np.float32 else 0.05 * (x.astype(np.float64) - 101)


@pytest.mark.parametrize("x", [U8, F32], ids=["uint8", "float32"])
@pytest.mark.parametrize(
    ("activation", "low", "high"),
    [("linear", -np.inf, np.inf), ("relu", 0, np.inf), ("relu6", 0, 6)],
)
def test_scales_and_shifts(x, activation, low, high):
    expected = np.clip(real(x) * GOOD["scale"] + GOOD["shift"], low, high)
    y = scale_shift(x, activation=activation)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    quantized = scale_shift(x, tf.uint8, activation)
    np.testing.assert_array_equal(quantized, np.clip(np.rint(y / np.float32(0.04)) + 17, 0, 255))


@pytest.mark.parametrize("activation", ["linear", "relu", "relu6"])
def test_values_that_are_not_finite(activation):
    x = F32.copy()
    x[0, 0, 0, :3] = np.nan, np.inf, -np.inf
    expected = tf.constant(x * GOOD["scale"] + GOOD["shift"])
    expected = {"linear": tf.identity, "relu": tf.nn.relu, "relu6": tf.nn.relu6}[activation](
        expected
    )
    y = scale_shift(x, activation=activation)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    assert np.isnan(y[0, 0, 0, 0])
    assert scale_shift(x, tf.uint8, activation)[0, 0, 0, 0] == 0


def test_keeps_the_shape():
    for shape in ((CHANNELS,), (0, CHANNELS), (3, CHANNELS), (2, 0, 3, CHANNELS)):
        assert scale_shift(np.zeros(shape, np.uint8), tf.uint8).shape == shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.uint8(3)}, "`x` should have rank 1 or more"),
        ({"x_scale": 0.0}, "`x_scale` should be finite and positive"),
        ({"y_scale": np.nan}, "`y_scale` should be finite and positive"),
        ({"y_scale": 1e-40}, "`y_scale` should be finite, positive and at least"),
        ({"x_scale": [1.0]}, "`x_scale` and `x_zero_point` should be scalars"),
        ({"y_zero_point": 256}, r"`y_zero_point` should be in \[0, 255\]"),
        ({"x_zero_point": -1}, r"`x_zero_point` should be in \[0, 255\]"),
        ({"scale": GOOD["scale"][:-1]}, "`scale` should have 33 elements"),
        ({"shift": GOOD["shift"][None]}, "`shift` should have rank 1"),
        ({"shift": np.full(CHANNELS, np.inf, np.float32)}, "`shift` should"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        scale_shift(**({"x": U8} | changes))


def means(x, **options):
    given = {"x_scale": 0.05, "x_zero_point": 101} | options
    return ops.load().tfsparse_channel_means(x=x, **given)


def test_means_are_those_of_the_numbers():
    y = means(U8)
    np.testing.assert_allclose(y, real(U8).mean((1, 2)), rtol=1e-6)
    kept = means(U8, keep_dims=True)
    assert kept.shape == (2, 1, 1, CHANNELS)
    np.testing.assert_array_equal(kept[:, 0, 0], y)
    assert np.isnan(means(U8[:, :0])).all() and means(U8[:0]).shape == (0, CHANNELS)


def test_means_know_their_shape_before_the_call():
    for keep_dims, shape in ((False, [None, 4]), (True, [None, 1, 1, 4])):
        function = tf.function(lambda x, k=keep_dims: means(x, keep_dims=k))
        spec = tf.TensorSpec([None, None, None, 4], tf.uint8)
        assert function.get_concrete_function(spec).output_shapes.as_list() == shape


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (U8[0], {}, "`x` should have rank 4"),
        (U8, {"x_scale": np.inf}, "`x_scale` should be finite and positive"),
        (U8, {"x_zero_point": 999}, r"`x_zero_point` should be in \[0, 255\]"),
        (U8[:, :0].repeat(0, 1), {"x_scale": -1.0}, "`x_scale` should be finite and positive"),
    ],
)
def test_means_refuse(x, options, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        means(tf.constant(x), **options)
