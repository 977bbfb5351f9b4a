"""Layers that grow from convolutions, seen by what they compute and where they begin and end."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.passes.match import find_dense_layers
from tfsparse.conversion.patches import patches

from ..helpers import normal, read, spec

K = normal((3, 2, 4, 6))
B = normal((6,), 1)
X = normal((2, 7, 8, 4), 3)
OPEN = {"x": spec(None, None, None, 4)}
FIXED = {"x": spec(None, 7, 8, 4)}


def conv(x, kernel=K, stride=1, padding="VALID"):
    return tf.nn.conv2d(x, kernel, stride, padding)


def around(x, top, bottom, left, right):
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]])


def norm(x, channels=6, seed=5):
    mean, variance, gamma, beta = (normal((channels,), seed + each) for each in range(4))
    return tf.nn.batch_normalization(x, mean, variance**2, beta, gamma, 1e-3)


def fused_norm(x):
    mean, variance, gamma, beta = (normal((6,), seed) for seed in (5, 6, 7, 8))
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=mean, variance=variance**2, is_training=False
    ).y


def find(path, function, inputs=None):
    example = read(path, lambda **x: {"y": function(**x)}, inputs or FIXED)
    layers, unmatched = find_dense_layers(example.view)
    assert not unmatched
    return example, layers


def value_of(layer, x):
    """What a layer computes of images, the activation ReLU or none."""
    rows = patches(x, layer.geometry, 10**6)
    groups = np.split(layer.weights.matrix(), layer.geometry.groups)
    sums = [rows[:, place] @ own.T for place, own in enumerate(groups)]
    result = np.concatenate(sums, axis=1) + (0 if layer.bias is None else layer.bias)
    return np.maximum(result, 0) if layer.activation == "relu" else result


MATCHES = {
    "alone": conv,
    "bias": lambda x: tf.nn.bias_add(conv(x), B),
    "bias by addition": lambda x: tf.nn.relu(conv(x) + tf.reshape(B, [1, 1, 1, 6])),
    "norm behind": lambda x: tf.nn.relu(norm(conv(x) + B)),
    "fused norm behind": lambda x: tf.nn.relu(fused_norm(conv(x, padding="SAME"))),
    "norm before": lambda x: conv(norm(x, 4)),
    "scale before, padded": lambda x: conv(x * normal((4,), 9), padding="SAME"),
    "pad": lambda x: conv(around(x, 1, 2, 0, 3)),
    "pads": lambda x: conv(around(tf.identity(around(x, 1, 0, 0, 0)), 0, 1, 2, 0)),
    "pad of same": lambda x: conv(around(x, 1, 2, 3, 0), padding="SAME"),
    "pad of strided same": lambda x: conv(around(x, 1, 2, 3, 0), stride=[2, 3], padding="SAME"),
    "pad, then a norm": lambda x: conv(norm(around(x, 1, 2, 3, 0), 4)),
    "scale, then a pad": lambda x: conv(around(x * normal((4,), 9), 1, 2, 3, 0)),
    "groups": lambda x: tf.nn.relu(conv(x, K[:, :, :2]) * B + B),
}


@pytest.mark.parametrize("case", MATCHES)
def test_what_stands_around_is_drawn_in(tmp_path, case):
    function = MATCHES[case]
    example, (layer,) = find(tmp_path, function)
    assert layer.x == "x:0" and f"{layer.result}:0" == example.view.through_identities(
        example.output("y")
    )
    expected = function(tf.constant(X)).numpy()
    np.testing.assert_allclose(value_of(layer, X), expected.reshape(-1, 6), rtol=1e-4, atol=1e-4)


STOPS = {
    "a shift before padding": (lambda x: conv(norm(x, 4), padding="SAME"), "AddV2"),
    "a shift before a pad": (lambda x: conv(around(norm(x, 4), 1, 1, 1, 1)), "AddV2"),
    "a scale before groups": (lambda x: conv(x * normal((4,), 9), K[:, :, :2]), "Mul"),
    "ones around": (
        lambda x: conv(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1)),
        "PadV2",
    ),
}


@pytest.mark.parametrize("case", STOPS)
def test_what_would_be_wrong_before_a_convolution_stays(tmp_path, case):
    function, op = STOPS[case]
    example, (layer,) = find(tmp_path, function)
    assert example.view.nodes[layer.x.split(":")[0]].op == op


def test_a_pad_of_strided_same_stays_where_the_size_is_open(tmp_path):
    example, (layer,) = find(
        tmp_path, lambda x: conv(around(x, 1, 1, 1, 1), stride=2, padding="SAME"), OPEN
    )
    assert layer.geometry == Geometry((3, 2), (2, 2), pads=None)
    assert example.view.nodes[layer.x.split(":")[0]].op == "Pad"


def test_a_pad_that_others_read_is_drawn_in_too(tmp_path):
    def function(x):
        padded = around(x, 1, 1, 1, 1)
        return conv(padded) + tf.reduce_max(padded)

    _, (layer,) = find(tmp_path, function)
    assert layer.x == "x:0" and layer.geometry.pads == (1, 1, 1, 1)


SQUARE = normal((3, 3, 4, 4), 2)
ONE = normal((1, 1, 4, 4), 3)

RESIDUALS = {
    "itself": lambda x: tf.nn.relu(conv(tf.nn.relu(x), SQUARE, padding="SAME") + x),
    "of a pad": lambda x: tf.nn.relu(x + conv(around(x, 1, 1, 1, 1), SQUARE)),
    "strided": lambda x: tf.nn.relu(
        conv(around(x, 1, 1, 1, 1), SQUARE, 2) + tf.nn.elu(conv(x, ONE, 2))
    ),
    "pooled": lambda x: tf.nn.max_pool(x, 2, 2, "SAME") + norm(conv(x, SQUARE, 2, "SAME"), 4),
}


@pytest.mark.parametrize("inputs", [OPEN, FIXED], ids=["open", "fixed"])
@pytest.mark.parametrize("case", RESIDUALS)
def test_a_residual_of_the_same_size(tmp_path, case, inputs):
    _, layers = find(tmp_path, RESIDUALS[case], inputs)
    assert [layer.residual is not None for layer in layers].count(True) == 1


OTHER_SHAPES = {
    "one row": lambda x: conv(x, SQUARE, padding="SAME") + x[:, :1],
    "one pixel": lambda x: conv(x, SQUARE, padding="SAME") + tf.reduce_max(x, [1, 2], True),
    "one channel": lambda x: conv(x, SQUARE, padding="SAME") + x[..., :1],
    "a smaller one": lambda x: conv(x, SQUARE, 2)[:, :1] + conv(x, SQUARE, 2),
    "of another rank": lambda x: conv(x, SQUARE, padding="SAME") + x[0],
}


@pytest.mark.parametrize("inputs", [OPEN, FIXED], ids=["open", "fixed"])
@pytest.mark.parametrize("case", OTHER_SHAPES)
def test_no_residual_that_is_broadcast(tmp_path, case, inputs):
    _, layers = find(tmp_path, OTHER_SHAPES[case], inputs)
    assert all(layer.residual is None for layer in layers)


def test_two_convolutions_that_are_added(tmp_path):
    def function(x):
        return tf.nn.relu(conv(x, ONE, 2, "SAME") + norm(conv(x, SQUARE, 2, "SAME"), 4))

    _, (one, other) = find(tmp_path, function, OPEN)
    assert one.fused == ("residual", "relu") and other.fused == ("bias",)
    assert one.residual == f"{other.result}:0"


W = normal((3, 4, 6), 8)
V = normal((3, 4, 4), 9)


def dilated(x, kernel, rate, padding="SAME"):
    return tf.nn.convolution(x, kernel, padding=padding, dilations=rate)


SEQUENCES = {
    "strided": (
        lambda x: tf.nn.relu(tf.nn.conv1d(x, W, 2, "SAME") + B),
        Geometry((1, 3), (1, 2), pads=None),
    ),
    "norm on both sides": (
        lambda x: tf.nn.relu(norm(tf.nn.conv1d(norm(x, 4), W, 1, "VALID"))),
        Geometry((1, 3)),
    ),
    "causal": (
        lambda x: tf.nn.relu(B + tf.nn.conv1d(tf.pad(x, [[0, 0], [2, 0], [0, 0]]), W, 1, "VALID")),
        Geometry((1, 3), pads=(0, 0, 2, 0)),
    ),
    "dilated": (
        lambda x: tf.nn.relu(dilated(x, W, 3) + B),
        Geometry((1, 3), (1, 1), (1, 3), (0, 0, 3, 3)),
    ),
    "causal and dilated": (
        lambda x: tf.nn.relu(B + dilated(tf.pad(x, [[0, 0], [4, 0], [0, 0]]), W, 2, "VALID")),
        Geometry((1, 3), (1, 1), (1, 2), (0, 0, 4, 0)),
    ),
}


@pytest.mark.parametrize("length", [None, 9])
@pytest.mark.parametrize("case", SEQUENCES)
def test_sequences_are_images_of_height_one(tmp_path, case, length):
    function, geometry = SEQUENCES[case]
    _, (layer,) = find(tmp_path, function, {"x": spec(None, length, 4)})
    assert layer.geometry == geometry
    assert layer.fused == ("bias", "relu")
    assert layer.is_sequence and layer.x == "x:0" and layer.reshape is None
    x = normal((2, 9, 4), 3)
    expected = function(tf.constant(x)).numpy()
    assert layer.rows(10) == 10 * (expected.shape[1] if length else 128)
    np.testing.assert_allclose(
        value_of(layer, x[:, None]), expected.reshape(-1, 6), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("length", [None, 9])
def test_a_residual_of_sequences(tmp_path, length):
    def function(x):
        return tf.nn.relu(dilated(tf.nn.relu(dilated(x, V, 2)), V, 4) + x)

    _, (one, other) = find(tmp_path, function, {"x": spec(None, length, 4)})
    assert one.fused == ("relu",) and other.fused == ("residual", "relu")


@pytest.mark.parametrize("inputs", [OPEN, FIXED], ids=["open", "fixed"])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("rate", [[2, 2], [1, 3], [2, 1]])
def test_dilated_images(tmp_path, inputs, padding, rate):
    def function(x):
        return tf.nn.relu(tf.nn.bias_add(dilated(x, K, rate, padding), B))

    _, (layer,) = find(tmp_path, function, inputs)
    assert layer.x == "x:0" and layer.fused == ("bias", "relu")
    assert layer.geometry.dilations == tuple(rate)
    expected = function(tf.constant(X)).numpy()
    np.testing.assert_allclose(value_of(layer, X), expected.reshape(-1, 6), rtol=1e-4, atol=1e-4)


def test_rows_are_pixels(tmp_path):
    _, (layer,) = find(tmp_path, lambda x: conv(x, stride=2), FIXED)
    assert layer.rows(10) == 10 * 3 * 4
    _, (layer,) = find(tmp_path, lambda x: conv(x, stride=2), OPEN)
    assert layer.rows(10) == 10 * 14 * 14


def test_half_precision(tmp_path):
    def function(x):
        y = tf.nn.relu(conv(tf.cast(x, tf.bfloat16), tf.cast(K, tf.bfloat16)))
        return tf.cast(y, tf.float32)

    _, (layer,) = find(tmp_path, function)
    assert layer.dtype == tf.bfloat16 and layer.fused == ("relu",)
