import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.passes.pool_uint8 import pool_uint8

from ..helpers import nodes, read, spec

OUR_OP = "Tfsparse>MaxPool2D"
X = np.random.default_rng(3).integers(0, 256, (2, 7, 8, 3)).astype(np.uint8)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def pool(x, size=3, strides=2, padding="VALID", **options):
    window = {"ksize": [1, size, size, 1], "strides": [1, strides, strides, 1]}
    return tf.raw_ops.MaxPool(input=x, padding=padding, **(window | options))


def around(x, count, value=0):
    return tf.pad(x, [[0, 0], [count, 0], [count, count], [0, 0]], constant_values=value)


def pooled(path, function, dtype=tf.uint8):
    """The graph of a function after the pass, and whether it computes what it computed."""
    inputs = {"x": spec(None, None, None, 3, dtype=dtype)}
    example = read(path, lambda x: {"y": function(x)}, inputs)
    pool_uint8(example.view)
    x = X.astype(dtype.as_numpy_dtype)
    np.testing.assert_array_equal(example(x=x)["y"], function(tf.constant(x)))
    return example.graph


FOLDED = {
    "alone": pool,
    "same": lambda x: pool(x, padding="SAME"),
    "steps of one": lambda x: pool(around(x, 1), strides=1, padding="SAME"),
    "zeros around": lambda x: pool(around(x, 1)),
    "explicit": lambda x: pool(
        around(x, 1), padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 0, 1, 0, 0]
    ),
}


@pytest.mark.parametrize("case", FOLDED)
def test_our_op_pools_and_pads(tmp_path, case):
    graph = pooled(tmp_path, FOLDED[case])
    assert len(nodes(graph, OUR_OP)) == 1 and not nodes(graph, "MaxPool")
    assert not nodes(graph, "Pad") and not nodes(graph, "PadV2")


PADS = {
    "another number around": lambda x: pool(around(x, 1, 7)),
    "windows that see no image": lambda x: pool(around(x, 3)),
    "same, of a size that is open": lambda x: pool(around(x, 1), padding="SAME"),
}


@pytest.mark.parametrize("case", PADS)
def test_padding_that_stays(tmp_path, case):
    graph = pooled(tmp_path, PADS[case])
    assert len(nodes(graph, OUR_OP)) == 1
    assert len(nodes(graph, "Pad") + nodes(graph, "PadV2")) == 1


def test_padding_that_is_read_besides_stays_for_that(tmp_path):
    def function(x):
        padded = around(x, 1)
        return pool(padded) + padded[:, :1, :1]

    graph = pooled(tmp_path, function)
    assert len(nodes(graph, OUR_OP)) == 1 and nodes(graph, "Pad")


def test_floats_stay(tmp_path):
    graph = pooled(tmp_path, pool, tf.float32)
    assert not nodes(graph, OUR_OP) and nodes(graph, "MaxPool")


def test_the_op_waits_for_what_the_padding_waited_for(tmp_path):
    inputs = {"x": spec(None, None, None, 3, dtype=tf.uint8)}
    example = read(tmp_path, lambda x: {"y": pool(around(x, 1))}, inputs)
    example.graph.add(tf.compat.v1.NodeDef(name="before", op="NoOp"))
    (pad,) = nodes(example.graph, "Pad") + nodes(example.graph, "PadV2")
    pad.input.append("^before")
    pool_uint8(example.view)
    (node,) = nodes(example.graph, OUR_OP)
    assert "^before" in node.input
