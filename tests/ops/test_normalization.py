"""Normalization, beside Keras's layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

X = np.random.default_rng(1).standard_normal((3, 7, 50)).astype(np.float32)
RESIDUAL = np.random.default_rng(2).standard_normal(X.shape).astype(np.float32)
GAMMA, BETA = np.random.default_rng(3).standard_normal((2, 50)).astype(np.float32)


def keras_layer(cls, **options):
    layer = cls(epsilon=1e-4, **options)
    layer.build(X.shape)
    layer.set_weights([GAMMA, BETA][: len(layer.weights)])
    return layer


def same(y, expected):
    np.testing.assert_allclose(y, expected, 3e-6, 3e-6)


def test_layer_normalization():
    layer = keras_layer(keras.layers.LayerNormalization)
    same(ops.normalize(X, GAMMA, BETA, epsilon=1e-4).y, layer(X))
    y = ops.normalize(X, GAMMA, BETA, RESIDUAL, epsilon=1e-4).y
    same(y, layer(X + RESIDUAL))


def test_layer_normalization_without_center_and_scale():
    layer = keras.layers.LayerNormalization(center=False, scale=False)
    same(ops.normalize(X).y, layer(X))


def test_rms_normalization():
    layer = keras_layer(keras.layers.RMSNormalization)
    y = ops.normalize(X, GAMMA, residual=RESIDUAL, kind="rms", epsilon=1e-4).y
    same(y, layer(X + RESIDUAL))


def test_a_mean_that_is_large_beside_the_deviation():
    x = X.astype(np.float64) + 1000
    deviation = np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    exact = (x - x.mean(-1, keepdims=True)) / deviation
    y = ops.normalize(x.astype(np.float32)).y
    np.testing.assert_allclose(y, exact, atol=5e-4)


def test_gives_what_is_asked_for():
    options = {"y_scale": 0.02, "y_zero_point": 120}
    three = ops.normalize(X, GAMMA, BETA, RESIDUAL, uint8_y=True, return_sum=True, **options)
    np.testing.assert_array_equal(three.sum, X + RESIDUAL)
    q = np.clip(np.rint(three.y.numpy() * np.float32(1 / np.float32(0.02))) + 120, 0, 255)
    np.testing.assert_array_equal(three.y_uint8, q.astype(np.uint8))
    one = ops.normalize(X, GAMMA, BETA, RESIDUAL, float_y=False, uint8_y=True, **options)
    assert one.y is None
    assert one.sum is None
    np.testing.assert_array_equal(one.y_uint8, three.y_uint8)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (4,), (2, 3, 4, 5)])
def test_shapes(shape):
    assert ops.normalize(np.ones(shape, np.float32)).y.shape == shape


def test_shapes_are_known_before_the_call():
    @tf.function
    def call(x):
        return ops.load().tfsparse_normalization(x, [], [], [], 1.0, 0, uint8_y=True)

    shapes = call.get_concrete_function(tf.TensorSpec([None, 9, 5])).output_shapes
    assert [s.as_list() for s in shapes] == [[None, 9, 5], [None, 9, 5], [0]]


@pytest.mark.parametrize(
    "changes",
    [
        {"x": np.float32(1)},
        {"x": np.zeros((3, 7, 51), np.float32)},
        {"residual": X[:1]},
        {"gamma": GAMMA[:49]},
        {"gamma": GAMMA[None]},
        {"beta": np.zeros((50, 1), np.float32)},
        {"y_scale": 0.0},
        {"y_scale": np.nan},
        {"y_scale": np.ones(1, np.float32)},
        {"y_zero_point": 256},
        {"epsilon": -1.0},
        {"epsilon": np.nan},
        {"kind": "batch"},
        {"float_y": False},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_invalid_arguments(changes):
    good = {"x": X, "residual": RESIDUAL, "gamma": GAMMA, "beta": BETA}
    good |= {"y_scale": 1.0, "y_zero_point": 0}
    op = ops.load().tfsparse_normalization
    assert op(**good).y.shape == X.shape
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError)):
        op(**good | changes)
