"""Normalizations give uint8 to products, and float32 to all else that reads them."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.conversion import conversion
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.passes.normalize_uint8 import normalize_uint8

from ..helpers import INT8_CONV_OP, INT8_OP, dtype_of, nodes, normal, save, spec

NORM = "Tfsparse>Normalization"
CHANNELS = 32
GAMMA, BETA = 1 + 0.3 * normal(CHANNELS, 1), 0.3 * normal(CHANNELS, 2)
DENSE = normal((CHANNELS, CHANNELS), 3) / 6
KERNELS = {"dense": DENSE, "conv": DENSE[None, None]}
X = normal((5, 4, 3, CHANNELS), 4)
OPS = {"dense": INT8_OP, "conv": INT8_CONV_OP}
LAYERS = {
    "dense": lambda n, kernel: tf.matmul(n, kernel),
    "conv": lambda n, kernel: tf.nn.conv2d(n, kernel, 1, "SAME"),
}


def norm(x):
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, BETA, GAMMA, 1e-3)


def converted(path, kind, function, x):
    """The graph of a function of one layer in INT8, which computes what it computed."""
    kernel = tf.Variable(KERNELS[kind], name=f"{kind}/kernel")
    y = lambda x: function(x, lambda n: LAYERS[kind](n, kernel))  # noqa: E731
    save(path, lambda x: {"y": y(x)}, {"x": spec(None, *x.shape[1:])}, [kernel])
    words = dict.fromkeys((row.layer for row in tfsparse.convert(path).report), "convert")
    result = tfsparse.convert(path, "int8", x, overrides=words)
    expected, found = y(tf.constant(x)).numpy(), result(x)["y"].numpy()
    assert np.linalg.norm(found - expected) < 0.03 * np.linalg.norm(expected)
    return result.graph_def()


def given(graph):
    """Whether the norm gives float32, and whether it gives uint8."""
    (node,) = nodes(graph, NORM)
    return node.attr["float_y"].b, node.attr["uint8_y"].b


@pytest.mark.parametrize("kind", LAYERS)
def test_a_product_alone_reads_uint8(tmp_path, kind):
    graph = converted(tmp_path, kind, lambda x, layer: layer(norm(x)), X)
    assert given(graph) == (False, True)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_layer_may_read_both(tmp_path, kind, swapped):
    """Its residual is float32, though it takes the activations as uint8."""

    def function(x, layer):
        n = norm(x)
        return layer(n) + n if swapped else n + layer(n)

    graph = converted(tmp_path, kind, function, X)
    assert given(graph) == (True, True)
    (node,) = nodes(graph, OPS[kind])
    assert dtype_of(node, "Tin") == tf.uint8 and not nodes(graph, "AddV2")


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_waits_for_what_its_activations_waited_for(tmp_path, kind, monkeypatch):
    def with_identity(view):
        graph = view.graph
        (norm,), layers = nodes(graph, NORM), nodes(graph, OPS[kind])
        if not layers:  # in float32
            return
        graph.add(tf.compat.v1.NodeDef(name="before", op="NoOp"))
        passed = tf.compat.v1.NodeDef(name="passed", op="Identity", input=[norm.name, "^before"])
        passed.attr["T"].type = tf.float32.as_datatype_enum
        layers[0].input[0] = graph.add(passed)
        graph.sort()
        normalize_uint8(Views(view.state).of(graph))
        found.extend(layers[0].input)

    found = []
    monkeypatch.setattr(conversion, "normalize_uint8", with_identity)
    graph = converted(tmp_path, kind, lambda x, layer: layer(norm(x)), X)
    assert given(graph) == (False, True)
    assert found[0].endswith(":1") and "^before" in found
