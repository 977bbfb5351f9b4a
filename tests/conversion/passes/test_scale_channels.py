"""BatchNorm and ReLU before convolutions, averages and means keep uint8 flowing."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ops
from tfsparse.conversion.passes.scale_channels import scale_channels
from tfsparse.conversion.quantization import ActivationParams

from ..helpers import INT8_CONV_OP, dtype_of, nodes, normal, read, save, spec

SCALE_SHIFT, MEANS = "Tfsparse>ScaleShiftChannels", "Tfsparse>ChannelMeans"
AVERAGE = "Tfsparse>AveragePool2D"
KERNELS = {
    "one": normal((3, 3, 8, 12)) / 8,
    "two": normal((1, 1, 12, 8), 1) / 3,
    "three": normal((3, 3, 20, 12), 2) / 12,
    "four": normal((1, 1, 12, 8), 3) / 3,
}
SCALE, SHIFT = 1 + 0.3 * normal(20, 7), 0.3 * normal(20, 8)
MEAN, VARIANCE = normal(20, 9), 0.5 + np.abs(normal(20, 10))
X = normal((6, 8, 7, 8), 5)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def conv(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def plain(x):
    channels = x.shape[-1]
    return x * SCALE[:channels] + SHIFT[:channels]


def swapped(x):
    channels = x.shape[-1]
    return SHIFT[:channels] + (x - MEAN[:channels]) * SCALE[:channels]


def fused(x):
    c = x.shape[-1]
    args = (SCALE[:c], SHIFT[:c], MEAN[:c], VARIANCE[:c])
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=args[0], offset=args[1], mean=args[2], variance=args[3], is_training=False
    )[0]


def named(x):
    return tf.identity(plain(tf.identity(x)))


SMOOTH = normal((6, 2, 2, 8), 6).repeat(4, 1).repeat(4, 2)[:, :, :7] + 0.1 * X


def convert(path, function, data=X):
    """The conversion of a function of layers named by their kernels, and its report by layer."""
    kernels = {name: tf.Variable(value, name=f"{name}/kernel") for name, value in KERNELS.items()}
    save(path, lambda x: {"y": function(x, **kernels)}, {"x": spec(None, *X.shape[1:])},
         list(kernels.values()))  # fmt: skip
    words = dict.fromkeys((row.layer for row in tfsparse.convert(path).report), "convert")
    converted = tfsparse.convert(path, "int8", data, overrides=words)
    expected = function(tf.constant(data), **KERNELS).numpy()
    found = converted(data)["y"].numpy()
    assert found.shape == expected.shape
    assert np.linalg.norm(found - expected) < 0.03 * np.linalg.norm(expected)
    return converted, {row.layer: row for row in converted.report}


def types(node):
    return dtype_of(node, "Tin"), dtype_of(node, "Tout")


@pytest.mark.parametrize("norm", [plain, swapped, fused, named])
@pytest.mark.parametrize("activation", [tf.nn.relu, tf.nn.relu6])
def test_a_dense_block_is_uint8_throughout(tmp_path, norm, activation):
    def function(x, one, two, three, four, **_):
        start = conv(conv(x, one), two)
        joined = tf.concat([start, conv(start, one)], -1)
        y = conv(activation(norm(joined)), three)
        return conv(tf.nn.relu(norm(y)), four)

    converted, rows = convert(tmp_path, function)
    graph = converted.graph_def()
    (node,) = nodes(graph, SCALE_SHIFT)
    assert types(node) == (tf.uint8, tf.uint8)
    assert node.attr["activation"].s.decode() == activation.__name__
    assert rows["three"].input == rows["three"].output == "uint8"
    assert not any(nodes(graph, op) for op in ("Relu", "Relu6", "Mul", "FusedBatchNormV3"))


def test_a_sum_that_is_read_again_is_float(tmp_path):
    """The second ResNet: each block's sum is read by the next norm and by the next sum."""

    def function(x, one, two, **_):
        start = conv(conv(x, one), two)
        for _ in range(2):
            inner = conv(tf.nn.relu(plain(start)), one)
            start = start + conv(inner, two)
        return conv(tf.nn.relu(plain(start)), one)

    converted, _ = convert(tmp_path, function)
    found = [types(node) for node in nodes(converted.graph_def(), SCALE_SHIFT)]
    assert len(found) == 3 and found.count((tf.float32, tf.uint8)) == 2
    assert found.count((tf.uint8, tf.uint8)) == 1  # The last sum is read by a norm alone.


def test_a_norm_of_floats_gives_uint8(tmp_path):
    """What a graph does to its input before a convolution that pads."""
    converted, rows = convert(tmp_path, lambda x, one, **_: conv(tf.nn.relu(plain(x)), one))
    (node,) = nodes(converted.graph_def(), SCALE_SHIFT)
    assert types(node) == (tf.float32, tf.uint8) and rows["one"].input == "uint8"


def test_a_result_that_others_read_is_float(tmp_path):
    def function(x, one, two, **_):
        h = conv(conv(x, one), two)
        y = tf.nn.relu(plain(h))
        return conv(conv(y, one), two) + tf.tanh(y) + conv(conv(h, one), two)

    converted, _ = convert(tmp_path, function)
    (node,) = nodes(converted.graph_def(), SCALE_SHIFT)
    assert types(node) == (tf.uint8, tf.float32)


def test_what_is_read_in_between_stays(tmp_path):
    def function(x, one, two, **_):
        scaled = x * SCALE[:8]
        y = conv(tf.nn.relu(scaled + SHIFT[:8]), one)
        return conv(y, two) + tf.reduce_max(scaled)

    converted, _ = convert(tmp_path, function)
    assert len(nodes(converted.graph_def(), "Mul")) == 1


def test_averages_are_uint8(tmp_path):
    def function(x, one, two, **_):
        h = tf.nn.avg_pool2d(conv(x, one), 2, 2, "SAME")
        return conv(tf.nn.avg_pool2d(h, (2, 1), 1, "VALID"), two)

    converted, rows = convert(tmp_path, function, SMOOTH)
    assert len(nodes(converted.graph_def(), AVERAGE)) == 2
    assert rows["one"].output == rows["two"].input == "uint8"


def test_averages_that_are_much_smaller_stay_floats(tmp_path):
    def function(x, one, two, **_):
        return conv(tf.nn.avg_pool2d(conv(x, one), 5, 1, "VALID"), two)

    converted, rows = convert(tmp_path, function)
    assert rows["one"].output == "float32" and not nodes(converted.graph_def(), AVERAGE)


def test_zeros_around_an_average_count(tmp_path):
    def function(x, one, two, **_):
        h = tf.pad(conv(x, one), [[0, 0], [1, 1], [1, 1], [0, 0]])
        return conv(tf.nn.avg_pool2d(h, 2, 2, "VALID"), two)

    converted, _ = convert(tmp_path, function, SMOOTH)
    graph = converted.graph_def()
    assert len(nodes(graph, AVERAGE)) == len(nodes(graph, "PadV2")) == 1


@pytest.mark.parametrize("axes", [[1, 2], [-2, -3], [2, 1]], ids=str)
@pytest.mark.parametrize("keep", [False, True])
def test_means_of_pixels_are_taken_of_uint8(tmp_path, axes, keep):
    def function(x, one, two, **_):
        means = tf.reduce_mean(tf.nn.relu(conv(x, one)), axes, keep)
        return tf.reshape(means, (-1, 12)) @ two[0, 0]

    converted, rows = convert(tmp_path, function)
    graph = converted.graph_def()
    (node,) = nodes(graph, MEANS)
    assert node.attr["keep_dims"].b == keep and not nodes(graph, "Mean")
    assert rows["one"].output == "uint8"


@pytest.mark.parametrize("axes", [[1], [1, 2, 3], [3]], ids=str)
def test_other_means_are_of_floats(tmp_path, axes):
    def function(x, one, **_):
        return tf.reduce_mean(tf.nn.relu(conv(x, one)), axes)

    converted, rows = convert(tmp_path, function)
    assert not nodes(converted.graph_def(), MEANS) and rows["one"].output == "float32"


def test_ranges_that_are_measured_leave_floats(tmp_path):
    def function(x, one, **_):
        return {"y": conv(tf.nn.relu(plain(x)), one)}

    kernel = tf.Variable(KERNELS["one"], name="one/kernel")
    save(tmp_path, lambda x: function(x, kernel), {"x": spec(None, *X.shape[1:])}, [kernel])
    options = {"activations": "dynamic", "overrides": {"one": "convert"}}
    graph = tfsparse.convert(tmp_path, "int8", **options).graph_def()
    assert nodes(graph, INT8_CONV_OP) and not nodes(graph, SCALE_SHIFT)


def test_the_op_waits_for_what_it_replaces_waited_for(tmp_path):
    def function(x):
        return {"y": tf.tanh(tf.nn.relu(tf.identity(x * SCALE[:8]) + SHIFT[:8]))}

    example = read(tmp_path, function, {"x": spec(None, *X.shape[1:])})
    (added,) = nodes(example.graph, "AddV2")
    passed = example.graph.nodes[added.input[0]]
    (scaled,) = nodes(example.graph, "Mul")
    for node in (added, passed, scaled):
        example.graph.add(tf.compat.v1.NodeDef(name=f"before_{node.op}", op="NoOp"))
        node.input.append(f"^before_{node.op}")
    (relu,) = nodes(example.graph, "Relu")
    scale_channels(example.view, {f"{relu.name}:0": ActivationParams(0.1, 0)})
    (node,) = nodes(example.graph, SCALE_SHIFT)
    waits = {name for name in node.input if name.startswith("^")}
    assert waits == {"^before_AddV2", "^before_Identity", "^before_Mul"}


def test_a_source_of_an_unknown_rank_is_no_obstacle(tmp_path):
    def function(x):
        stored = tf.io.parse_tensor(tf.io.serialize_tensor(x), tf.float32)
        values = {"scale": SCALE[:8], "offset": SHIFT[:8], "mean": MEAN[:8]}
        y = tf.raw_ops.FusedBatchNormV3(
            x=stored, variance=VARIANCE[:8], is_training=False, **values
        )[0]
        return {"y": tf.nn.relu(y)}

    example = read(tmp_path, function, {"x": spec(None, *X.shape[1:])})
    (relu,) = nodes(example.graph, "Relu")
    params = {f"{relu.name}:0": ActivationParams(0.1, 0)}
    scale_channels(example.view, params)
    np.testing.assert_allclose(example(x=X)["y"], function(X)["y"], rtol=1e-5, atol=1e-6)
