"""Convolutions pass uint8 on, over what moves pixels, joins channels, or adds images."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ops

from ..helpers import INT8_CONV_OP, constants, dtype_of, nodes, normal, save, spec

KERNELS = {
    "one": normal((3, 3, 8, 12)),
    "two": normal((1, 1, 12, 8), 1),
    "three": normal((3, 3, 8, 12), 2),
    "four": normal((1, 1, 24, 8), 3),
}
X = normal((6, 6, 7, 8), 5)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def conv(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def relu_conv(x, kernel):
    return tf.nn.relu(conv(x, kernel))


def around(x):
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])


def pooled(x):
    return tf.nn.max_pool(x, 3, 2, "VALID")


def convert(path, function, skip=()):
    """A converted function of layers named by their kernels, and its report by layer."""
    kernels = {name: tf.Variable(value, name=f"{name}/kernel") for name, value in KERNELS.items()}
    inputs = {"x": spec(None, *X.shape[1:])}
    save(path, lambda x: {"y": function(x, **kernels)}, inputs, list(kernels.values()))
    words = {
        row.layer: "skip" if row.layer in skip else "convert"
        for row in tfsparse.convert(path).report
    }
    converted = tfsparse.convert(path, "int8", X, overrides=words)
    return converted, {row.layer: row for row in converted.report}


def assert_predicts(converted, function, bound=0.03):
    expected = function(tf.constant(X), **KERNELS).numpy()
    found = converted(X)["y"].numpy()
    assert np.linalg.norm(found - expected) < bound * np.linalg.norm(expected)


FLOWS = {
    "pooled": lambda x, one, two, **_: conv(pooled(relu_conv(x, one)), two),
    "padded and pooled": lambda x, one, two, **_: conv(pooled(around(conv(x, one))), two),
    "mirrored": lambda x, one, two, **_: conv(
        tf.pad(conv(x, one), [[0, 0], [1, 1], [2, 2], [0, 0]], "REFLECT"), two
    ),
    "enlarged": lambda x, one, two, **_: conv(
        tf.raw_ops.ResizeNearestNeighbor(images=conv(x, one), size=[12, 14]), two
    ),
    "joined": lambda x, one, three, four, **_: conv(
        tf.concat([relu_conv(x, one), 3 * conv(x, three)], -1), four
    ),
    "joined after pooling and cropping": lambda x, one, three, four, **_: conv(
        tf.concat([pooled(conv(x, one)), pooled(around(conv(x, three)))[:, :-1, :-1]], -1), four
    ),
    "joined with itself": lambda x, one, four, **_: (lambda h: conv(tf.concat([h, h], -1), four))(
        conv(x, one)
    ),
}


@pytest.mark.parametrize("case", FLOWS)
def test_uint8_flows(tmp_path, case):
    function = FLOWS[case]
    converted, rows = convert(tmp_path, function)
    last = "four" if "four" in rows else "two"
    assert rows[last].input == "uint8"
    assert all(rows[name].output == "uint8" for name in rows if name != last)
    assert_predicts(converted, function)


def test_zeros_around_become_the_zero_point(tmp_path):
    converted, _ = convert(tmp_path, FLOWS["padded and pooled"])
    graph = converted.graph_def()
    (pad,) = nodes(graph, "PadV2")
    assert not nodes(graph, "Pad") and dtype_of(pad, "T") == tf.uint8
    producer = next(n for n in nodes(graph, INT8_CONV_OP) if n.name == pad.input[0])
    values = constants(graph)
    assert values[pad.input[2]] == values[producer.input[12]] > 0


def test_what_is_joined_has_one_scale(tmp_path):
    converted, rows = convert(tmp_path, FLOWS["joined"])
    graph = converted.graph_def()
    ops_by_name = {node.name: node for node in nodes(graph, INT8_CONV_OP)}
    values = constants(graph)
    scales = {float(values[ops_by_name[rows[name].node].input[11]]) for name in ("one", "three")}
    assert scales == {float(values[ops_by_name[rows["four"].node].input[1]])}
    results = [relu_conv(X, KERNELS["one"]).numpy(), 3 * conv(X, KERNELS["three"]).numpy()]
    extent = max(map(np.max, results)) - min(map(np.min, results))
    assert scales.pop() == pytest.approx(extent / 255, rel=0.01)


STAYS = {
    "a float is joined": lambda x, one, four, **_: conv(
        tf.concat([conv(x, one), x, x[..., :4]], -1), four
    ),
    "averaged over channels": lambda x, one, two, **_: conv(
        tf.reduce_mean(conv(x, one), -1, keepdims=True) * tf.ones(12), two
    ),
    "ones around": lambda x, one, two, **_: conv(
        tf.pad(conv(x, one), [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0), two
    ),
}


@pytest.mark.parametrize("case", STAYS)
def test_what_is_not_a_move_keeps_float(tmp_path, case):
    converted, rows = convert(tmp_path, STAYS[case])
    assert {row.output for row in rows.values()} == {"float32"}
    assert_predicts(converted, STAYS[case])


def test_joined_with_a_layer_that_is_not_converted(tmp_path):
    _, rows = convert(tmp_path, FLOWS["joined"], skip=("three",))
    assert rows["one"].output == rows["four"].input == "float32"


def residual_of(node):
    return dtype_of(node, "Tresidual")


def test_a_residual_is_uint8_with_its_own_scale(tmp_path):
    def function(x, one, two, three, four):
        start = relu_conv(x, one)
        h = relu_conv(start, two)
        y = tf.nn.relu(conv(h, three) + start)
        return conv(tf.concat([y, y], -1), four)

    converted, rows = convert(tmp_path, function)
    assert rows["three"].fused == ("residual", "relu")
    assert {name: row.output for name, row in rows.items()} == {
        **dict.fromkeys(("one", "two", "three"), "uint8"),
        "four": "float32",
    }
    by_name = {node.name: node for node in nodes(converted.graph_def(), INT8_CONV_OP)}
    ops_of = {name: by_name[row.node] for name, row in rows.items()}
    assert residual_of(ops_of["three"]) == tf.uint8
    assert list(ops_of["three"].input[9:11]) == list(ops_of["one"].input[11:13])
    assert all(residual_of(ops_of[name]) == tf.float32 for name in ("one", "two", "four"))
    assert_predicts(converted, function)


def test_a_residual_of_floats_stays_float(tmp_path):
    def function(x, one, two, three, **_):
        return conv(tf.nn.relu(conv(relu_conv(x, one), two) + x), three)

    converted, rows = convert(tmp_path, function)
    residuals = [row for row in rows.values() if "residual" in row.fused]
    assert len(residuals) == 1
    assert all(residual_of(n) == tf.float32 for n in nodes(converted.graph_def(), INT8_CONV_OP))
    assert_predicts(converted, function)


def test_an_image_that_is_a_residual_and_an_output_stays_float(tmp_path):
    def function(x, one, two, three, **_):
        start = relu_conv(x, one)
        y = tf.nn.relu(conv(relu_conv(start, two), three) + start)
        return y + tf.reduce_max(start)

    _, rows = convert(tmp_path, function)
    assert rows["one"].output == "float32" and rows["two"].output == "uint8"


def test_dense_layers_and_convolutions_pass_uint8_to_each_other(tmp_path):
    matrix = normal((12, 8), 7)

    def function(x, one, three, **_):
        h = tf.tensordot(relu_conv(x, one), matrix, 1)
        return conv(tf.nn.relu(h), three)

    converted, rows = convert(tmp_path, function)
    (dense,) = (row for row in rows.values() if row.layer not in KERNELS)
    assert (dense.input, dense.output) == ("uint8", "uint8")
    assert_predicts(converted, lambda x, **kernels: function(x, **kernels))
