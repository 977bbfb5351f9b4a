import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.convolutions import read_convolution
from tfsparse.conversion.geometry import Geometry

from .helpers import nodes, normal, spec, view_of

KERNEL = normal((3, 2, 4, 6))


def read(path, function, *shape):
    view = view_of(path, lambda x: {"y": function(x)}, {"x": spec(*(shape or (None, 9, 8, 4)))})
    (node,) = nodes(view.graph, "Conv2D")
    return read_convolution(view, node)


GEOMETRIES = {
    "valid": (lambda x: tf.nn.conv2d(x, KERNEL, 1, "VALID"), Geometry((3, 2))),
    "same": (lambda x: tf.nn.conv2d(x, KERNEL, 1, "SAME"), Geometry((3, 2), pads=None)),
    "strides": (lambda x: tf.nn.conv2d(x, KERNEL, [2, 3], "VALID"), Geometry((3, 2), (2, 3))),
    "dilations": (
        lambda x: tf.nn.conv2d(x, KERNEL, 1, "SAME", dilations=[2, 3]),
        Geometry((3, 2), dilations=(2, 3), pads=None),
    ),
    "explicit": (
        lambda x: tf.nn.conv2d(x, KERNEL, 1, [[0, 0], [1, 2], [3, 0], [0, 0]]),
        Geometry((3, 2), pads=(1, 2, 3, 0)),
    ),
    "groups": (
        lambda x: tf.nn.conv2d(x, KERNEL[:, :, :2], 1, "VALID"),
        Geometry((3, 2), groups=2),
    ),
}


@pytest.mark.parametrize("case", GEOMETRIES)
def test_reads_how_the_window_moves(tmp_path, case):
    function, geometry = GEOMETRIES[case]
    assert read(tmp_path, function).geometry == geometry


def test_the_kernel_is_a_matrix_with_channels_fastest(tmp_path):
    product = read(tmp_path, lambda x: tf.nn.conv2d(x, KERNEL, 1, "VALID"))
    assert product.y_axes == (6,) and product.weights.shape == (6, 24)
    np.testing.assert_array_equal(product.weights.matrix(), KERNEL.reshape(24, 6).T)


def test_a_kernel_is_found_behind_what_it_is_computed_from(tmp_path):
    def function(x):
        kernel = tf.transpose(tf.cast(tf.constant(KERNEL.T, tf.float16), tf.float32))
        return tf.nn.conv2d(x, kernel, 1, "VALID")

    rounded = KERNEL.astype(np.float16).astype(np.float32)
    found = read(tmp_path, function).weights.matrix()
    np.testing.assert_array_equal(found, rounded.reshape(24, 6).T)


OTHERS = {
    "its weights are not constant": lambda x: tf.nn.conv2d(x, x[0, :2, :2, :, None], 1, "SAME"),
    "its channels come first (channels_first)": lambda x: tf.nn.conv2d(
        x, normal((1, 1, 9, 4)), 1, "SAME", data_format="NCHW"
    ),
    "its filters have more than 4194304 inputs": lambda x: tf.nn.conv2d(
        x, tf.fill([1025, 1024, 4, 1], 1.0), 1, "SAME"
    ),
    "how many channels its activations have is unknown": lambda x: tf.nn.conv2d(
        tf.reshape(x, tf.concat([tf.shape(x)[:3], [-1]], 0)), KERNEL, 1, "SAME"
    ),
}


@pytest.mark.parametrize("reason", OTHERS)
def test_says_why_not(tmp_path, reason):
    shape = (None, None, None, 4) if "unknown" in reason else (None, 9, 8, 4)
    assert read(tmp_path, OTHERS[reason], *shape).reason == reason
