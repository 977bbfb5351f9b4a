"""BatchNorm goes into convolutions that stay, and what is computed stays the same."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.conversion.passes.fold_norms import fold_norms

from ..helpers import nodes, normal, read, save, spec

IMAGE = (7, 6, 4)
X = normal((3, *IMAGE), 1)
DEPTHWISE = normal((3, 3, 4, 2), 2)
PLAIN = normal((3, 3, 4, 8), 3)
SCALE, SHIFT, MEAN = 1 + 0.5 * normal(8, 4), normal(8, 5), normal(8, 6)
VARIANCE = 0.5 + np.abs(normal(8, 7))


def norm(x):
    return tf.nn.batch_normalization(x, MEAN, VARIANCE, SHIFT, SCALE, 1e-3)


def fused_norm(x):
    arguments = {"scale": SCALE, "offset": SHIFT, "mean": MEAN, "variance": VARIANCE}
    return tf.raw_ops.FusedBatchNormV3(x=x, is_training=False, **arguments)[0]


def converted(path, function):
    kept = {"depthwise": tf.Variable(DEPTHWISE), "plain": tf.Variable(PLAIN)}
    save(path, lambda x: {"y": function(x, **kept)}, {"x": spec(None, *IMAGE)}, list(kept.values()))
    result = tfsparse.convert(path)
    y, expected = result(X)["y"].numpy(), function(X, **kept).numpy()
    np.testing.assert_allclose(y, expected, rtol=0, atol=2e-6 * np.abs(expected).max())
    return result.graph_def()


CONVOLUTIONS = {
    "depthwise": lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "SAME"),
    "plain": lambda x, k: tf.nn.conv2d(x, k, 2, "VALID"),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("norm_of", [norm, fused_norm, lambda x: SHIFT + SCALE * tf.identity(x)])
def test_norms_are_folded(tmp_path, kind, norm_of):
    graph = converted(tmp_path, lambda x, **k: tf.nn.relu6(norm_of(CONVOLUTIONS[kind](x, k[kind]))))
    assert not any(nodes(graph, op) for op in ("Mul", "AddV2", "Sub", "FusedBatchNormV3"))
    assert len(nodes(graph, "BiasAdd")) == len(nodes(graph, "Relu6")) == 1
    assert not nodes(graph, "ReadVariableOp")


STAYS = {
    "read before the norm": lambda h: norm(h) + tf.reduce_max(h),
    "along the pixels": lambda h: h * normal((7, 6, 1), 9),
    "by another tensor": lambda h: h * tf.reduce_max(h),
}


@pytest.mark.parametrize("case", STAYS)
def test_what_is_something_else_stays(tmp_path, case):
    graph = converted(tmp_path, lambda x, depthwise, **_: STAYS[case](
        tf.nn.depthwise_conv2d(x, depthwise, [1, 1, 1, 1], "SAME")))  # fmt: skip
    assert nodes(graph, "Mul")


def test_a_bias_alone_stays_what_it_is(tmp_path):
    graph = converted(tmp_path, lambda x, depthwise, **_: tf.nn.bias_add(
        tf.nn.depthwise_conv2d(x, depthwise, [1, 1, 1, 1], "SAME"), SHIFT))  # fmt: skip
    assert len(nodes(graph, "BiasAdd")) == 1


def test_the_shift_waits_for_what_the_norm_waited_for(tmp_path):
    def function(x):
        h = tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 1, 1, 1], "SAME")
        return {"y": tf.identity(h) * SCALE + SHIFT}

    example = read(tmp_path, function, {"x": spec(None, *IMAGE)})
    (scaled,) = nodes(example.graph, "Mul")
    for node in (scaled, example.graph.nodes[scaled.input[0]]):
        example.graph.add(tf.compat.v1.NodeDef(name=f"before_{node.op}", op="NoOp"))
        node.input.append(f"^before_{node.op}")
    fold_norms(example.view)
    (node,) = nodes(example.graph, "BiasAdd")
    assert {"^before_Mul", "^before_Identity"} <= set(node.input)
