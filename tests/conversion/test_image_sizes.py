import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.image_sizes import ImageSizes

from .helpers import normal, read, spec

K1, K3 = normal((1, 1, 4, 4)), normal((3, 3, 4, 4))


def conv(x, kernel, stride=1, padding="SAME"):
    return tf.nn.conv2d(x, kernel, stride, padding)


def around(x, before, after):
    return tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]])


def found(path, one, other, shape=(None, None, None, 4)):
    def function(x):
        return {"one": one(x), "two": other(x)}

    example = read(path, function, {"x": spec(*shape)})
    sizes = ImageSizes(example.view, {})
    return [[sizes.of(example.output(key), axis) for axis in (-3, -2)] for key in ("one", "two")]


def block(x):
    return tf.nn.relu(tf.nn.relu(conv(around(x, 1, 1), K3, padding="VALID") + 1.0) + x)


EQUAL = {
    "what keeps the size": (lambda x: x, lambda x: tf.nn.relu(conv(x, K3)) * normal((4,))),
    "a pad and a window": (
        lambda x: conv(around(x, 1, 1), K3, 2, "VALID"),
        lambda x: conv(x, K1, 2, "VALID"),
    ),
    "explicit pads": (
        lambda x: conv(x, K3, 2, [[0, 0], [1, 1], [1, 1], [0, 0]]),
        lambda x: conv(x, K3, 2),
    ),
    "pooled": (
        lambda x: tf.nn.max_pool(x, 2, 2, "SAME"),
        lambda x: tf.nn.avg_pool(around(x, 1, 0), 2, 2, "VALID"),
    ),
    "two windows as one": (
        lambda x: conv(conv(x, K3, 1, "VALID"), K3, 1, "VALID"),
        lambda x: conv(x, normal((5, 5, 4, 4)), 1, "VALID"),
    ),
    "blocks": (lambda x: block(block(x)), lambda x: conv(x, K1)),
    "a gate of one pixel": (
        lambda x: x * tf.reduce_mean(x, [1, 2], keepdims=True),
        lambda x: conv(x, K1),
    ),
}


@pytest.mark.parametrize("case", EQUAL)
def test_equal_sizes(tmp_path, case):
    one, other = found(tmp_path, *EQUAL[case])
    assert one == other


OTHERS = {
    "strides": (lambda x: conv(x, K1, 2), lambda x: conv(x, K1)),
    "windows": (lambda x: conv(x, K3, 2, "VALID"), lambda x: conv(x, K1, 2, "VALID")),
    "pads that are not known": (
        lambda x: tf.pad(x, [[0, 0], [0, tf.shape(x)[0]], [0, tf.shape(x)[0]], [0, 0]]),
        lambda x: conv(x, K1),
    ),
    "an unknown window": (lambda x: x[:, 1:, 1:], lambda x: conv(x, K1)),
    "resized": (
        lambda x: tf.image.resize(x, [tf.shape(x)[1] * 2, tf.shape(x)[2] * 2]),
        lambda x: conv(x, K1),
    ),
    "a sum that may be wider": (lambda x: x + x[:, :1, :1] + x[:, ::2, ::2], lambda x: x[:, 1:]),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_sizes(tmp_path, case):
    one, other = found(tmp_path, *OTHERS[case])
    assert one[0] != other[0] and one[1] != other[1]


def test_known_sizes_are_numbers(tmp_path):
    one, other = found(tmp_path, lambda x: conv(x, K3, 2), lambda x: x, (None, 9, None, 4))
    assert (one[0], other[0]) == (5, 9)
    assert not isinstance(one[1], int)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 17])
def test_an_expression_gives_the_size_that_there_is(tmp_path, size):
    def function(x):
        x = conv(around(x, 2, 1), K3, 2, "VALID")
        return {"y": tf.nn.max_pool(conv(x, K3, 1), 2, 3, "SAME")}

    example = read(tmp_path, function, {"x": spec(None, None, None, 4)})
    expression = ImageSizes(example.view, {}).of(example.output("y"), -3)

    def value(of):
        if isinstance(of, int):
            return of
        return size if len(of) == 2 else (value(of[0]) + of[1]) // of[2] + 1

    result = function(tf.constant(np.zeros((1, size, size, 4), np.float32)))["y"]
    assert value(expression) == result.shape[1]
