"""Pooling of uint8 images, beside TensorFlow's of the same numbers as floats."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

HUGE = 2**62

CASES = [
    ((1, 9, 8, 64), (3, 3), (2, 2), "SAME"),
    ((2, 7, 7, 33), (7, 7), (7, 7), "VALID"),
    ((3, 5, 6, 1), (2, 3), (1, 2), "SAME"),
    ((2, 6, 5, 17), (3, 2), (3, 2), ((1, 2), (0, 1))),
    ((0, 6, 5, 4), (3, 2), (1, 1), "VALID"),
    ((1, 3, 3, 0), (2, 2), (2, 2), "VALID"),
]


@pytest.mark.parametrize(("images", "size", "strides", "padding"), CASES, ids=str)
def test_tensorflows_pooling(images, size, strides, padding):
    x = np.random.default_rng(1).integers(0, 256, images, dtype=np.uint8)
    floats, ones = x.astype(np.float32), np.ones_like(x, np.float32)
    around = "VALID"
    if isinstance(padding, str):
        around = padding
    else:
        pads = ((0, 0), *padding, (0, 0))
        floats, ones = np.pad(floats, pads), np.pad(ones, pads)
    most = tf.nn.max_pool2d(floats, size, strides, around).numpy()
    average = tf.nn.avg_pool2d(floats, size, strides, around).numpy()
    # The share of a window that is in the image, where the padding is of ours.
    average = average / tf.nn.avg_pool2d(ones, size, strides, around).numpy()
    y = ops.max_pool2d(tf.constant(x), size, strides, padding).numpy()
    np.testing.assert_array_equal(y, most.astype(np.uint8))
    y = ops.average_pool2d(tf.constant(x), size, strides, padding).numpy()
    assert y.shape == average.shape
    assert (np.abs(y - average) <= 0.5001).all()


def test_strides_are_the_window_by_default():
    x = tf.zeros((1, 9, 8, 2), tf.uint8)
    assert ops.max_pool2d(x, (3, 2)).shape == ops.average_pool2d(x, (3, 2)).shape == (1, 3, 4, 2)


def test_halves_are_rounded_to_even():
    x = tf.constant([1, 2, 2, 3, 254, 255], tf.uint8)
    y = ops.average_pool2d(tf.reshape(x, (1, 1, 6, 1)), (1, 2))
    assert y.numpy().ravel().tolist() == [2, 2, 254]


def test_shapes_are_known_before_the_call():
    for pool in (ops.max_pool2d, ops.average_pool2d):

        @tf.function
        def call(x, pool=pool):
            return pool(x, (3, 2), (2, 1), "SAME")

        spec = tf.TensorSpec([None, 9, None, 4], tf.uint8)
        assert call.get_concrete_function(spec).output_shapes.as_list() == [None, 5, None, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"pool_size": [2]},
        {"pool_size": [0, 2]},
        {"pool_size": [HUGE, 2]},
        {"pool_size": [9, 2]},
        {"strides": [0, 1]},
        {"strides": [1, -HUGE]},
        {"strides": [1, 1, 1]},
        {"paddings": [2, 0, 0, 0]},
        {"paddings": [0, 0, 0, 2]},
        {"paddings": [-1, 0, 0, 0]},
        {"paddings": [0, HUGE, 0, 0]},
        {"paddings": [1, 0, 0, 0], "padding": "SAME"},
        {"padding": "VALID"},
        {"x": np.zeros((5, 6, 3), np.uint8)},
        {"x": np.zeros((1, 0, 6, 3), np.uint8), "paddings": [1, 1, 0, 0]},
        {"x": tf.zeros((1, 5, 6, 3))},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_invalid_arguments(changes):
    good = {"x": np.zeros((1, 5, 6, 3), np.uint8), "pool_size": [2, 2]}
    for op in (ops.load().tfsparse_max_pool2d, ops.load().tfsparse_average_pool2d):
        assert op(**good).shape == (1, 4, 5, 3)
        with pytest.raises((tf.errors.InvalidArgumentError, TypeError)):
            op(**good | changes)
