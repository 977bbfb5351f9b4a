import itertools

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ops
from tfsparse.conversion.op_interface import MAX_LAYERS
from tfsparse.conversion.passes import chain as chain_pass
from tfsparse.pattern import BlockPattern

from ..helpers import FLOAT_CHAIN, FLOAT_OP, INT8_CHAIN, INT8_OP, blocky, nodes, normal, save, spec

SIZES = (24, 32, 40, 16)
WEIGHTS = [blocky(out, in_, (4, 1), 0.5, seed=out).T for in_, out in itertools.pairwise(SIZES)]
X = normal((70, SIZES[0]), 5)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def convert(path, function, precision):
    """A converted function of x and three weights, and the report by layer."""
    names = ("one", "two", "three")
    variables = [
        tf.Variable(value, name=f"{name}/kernel")
        for name, value in zip(names, WEIGHTS, strict=True)
    ]
    save(path, lambda x: function(x, *variables), {"x": spec(None, SIZES[0])}, variables)
    found = {row.layer for row in tfsparse.convert(path).report} & set(names)
    converted = tfsparse.convert(path, precision, X, overrides=dict.fromkeys(found, "4x1"))
    return converted, {row.layer: row for row in converted.report}


def perceptron(x, one, two, three):
    return {"y": tf.nn.relu(tf.nn.gelu(x @ one) @ two) @ three}


def unchained(monkeypatch):
    monkeypatch.setattr("tfsparse.conversion.conversion.chain_layers", lambda view, _: {})


def run(converted, x=X):
    return converted(x)["y"].numpy()


OPS = {
    "fp32": (FLOAT_OP, FLOAT_CHAIN),
    "bf16": (FLOAT_OP, FLOAT_CHAIN),
    "int8": (INT8_OP, INT8_CHAIN),
}


@pytest.mark.parametrize("precision", OPS)
def test_a_perceptron_is_one_op_of_the_same_bits(tmp_path, monkeypatch, precision):
    op, chain = OPS[precision]
    converted, rows = convert(tmp_path / "chained", perceptron, precision)
    (node,) = nodes(converted.graph_def(), chain)
    assert not nodes(converted.graph_def(), op)
    assert list(node.attr["units"].list.i) == list(SIZES[1:])
    assert list(node.attr["activations"].list.s) == [b"gelu", b"relu", b"linear"]
    assert node.attr["is_weight_const"].b
    assert {row.node for row in rows.values()} == {node.name}
    assert all(row.chain == ("one", "two", "three") for row in rows.values())
    unchained(monkeypatch)
    apart, _ = convert(tmp_path / "apart", perceptron, precision)
    assert len(nodes(apart.graph_def(), op)) == 3
    for count in (1, 20, 70):
        np.testing.assert_array_equal(run(converted, X[:count]), run(apart, X[:count]))


def test_a_layer_may_stand_behind_an_identity(tmp_path):
    def function(x, one, two, three):
        return {"y": tf.identity(tf.identity(tf.nn.relu(x @ one))) @ two @ three}

    converted, rows = convert(tmp_path, function, "fp32")
    assert rows["one"].chain == ("one", "two", "three")
    assert {node.op for node in converted.graph_def().node} <= {
        "Placeholder",
        "Const",
        "ReadVariableOp",
        FLOAT_CHAIN,
        "Identity",
    }
    assert run(converted).shape == (70, SIZES[3])


APART = {
    "its result is returned": lambda x, one, two, three: {
        "y": (h := tf.nn.relu(x @ one) @ two) @ three,
        "h": h,
    },
    "its result is read twice": lambda x, one, two, three: {
        "y": (h := tf.nn.relu(x @ one) @ two) @ three + tf.reduce_sum(h)
    },
    "something is between": lambda x, one, two, three: {
        "y": tf.cumsum(tf.nn.relu(x @ one) @ two, axis=1) @ three
    },
}


@pytest.mark.parametrize("case", APART)
def test_a_result_that_others_read_ends_a_chain(tmp_path, case):
    converted, rows = convert(tmp_path, APART[case], "fp32")
    assert len(nodes(converted.graph_def(), FLOAT_CHAIN)) == 1
    assert len(nodes(converted.graph_def(), FLOAT_OP)) == 1
    assert rows["one"].chain == rows["two"].chain == ("one", "two")
    assert rows["three"].chain == ()


def test_ops_that_a_model_had_before_stay(tmp_path):
    own = ops.BlockSparseMatrix.from_dense(WEIGHTS[1].T, BlockPattern(4, 1))

    def function(x, one, _, three):
        return {"y": ops.block_sparse_matmul(tf.nn.relu(x @ one), own) @ three}

    converted, rows = convert(tmp_path, function, "fp32")
    assert len(nodes(converted.graph_def(), FLOAT_OP)) == 3
    assert rows["one"].chain == rows["three"].chain == ()
    expected = function(tf.constant(X), *map(tf.constant, WEIGHTS))["y"].numpy()
    np.testing.assert_allclose(run(converted), expected, rtol=1e-4, atol=1e-3)


def test_a_residual_is_for_the_last_layer_only(tmp_path):
    def function(x, one, two, three):
        h = tf.nn.relu(x @ one)
        y = tf.nn.relu(h[:, :1] * tf.ones([1, SIZES[2]]) + h @ two)
        return {"y": y @ three}

    converted, rows = convert(tmp_path, function, "fp32")
    assert "residual" in rows["two"].fused
    assert rows["two"].chain == rows["three"].chain == ()
    expected = function(tf.constant(X), *map(tf.constant, WEIGHTS))["y"].numpy()
    np.testing.assert_allclose(run(converted), expected, rtol=1e-4, atol=1e-3)


def test_layers_that_stay_apart_are_not_changed(tmp_path):
    """Looking for a neighbour adds nothing to an op."""

    def function(x, one, two, three):
        h = tf.nn.relu(x @ one)
        return {"y": tf.nn.relu(h[:, :1] * tf.ones([1, SIZES[2]]) + h @ two) @ three}

    converted, rows = convert(tmp_path, function, "int8")
    assert "residual" in rows["two"].fused and rows["two"].output == "uint8"
    assert rows["two"].chain == ()
    attributes = [set(node.attr) for node in nodes(converted.graph_def(), INT8_OP)]
    assert len(attributes) == 3
    assert all(each == attributes[0] and "T" not in each for each in attributes)
    assert run(converted).shape == (70, SIZES[3])


def test_the_last_layer_keeps_its_residual(tmp_path):
    def function(x, one, two, three):
        h = tf.nn.relu(x @ one) @ two
        return {"y": tf.nn.relu(x[:, :1] * tf.ones([1, SIZES[3]]) + h @ three)}

    converted, rows = convert(tmp_path, function, "fp32")
    assert "residual" in rows["three"].fused
    assert rows["three"].chain == ("one", "two", "three")
    expected = function(tf.constant(X), *map(tf.constant, WEIGHTS))["y"].numpy()
    np.testing.assert_allclose(run(converted), expected, rtol=1e-4, atol=1e-3)


def test_long_runs_are_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(chain_pass, "MAX_LAYERS", 2)
    converted, rows = convert(tmp_path, perceptron, "fp32")
    assert rows["one"].chain == rows["two"].chain == ("one", "two")
    assert len(nodes(converted.graph_def(), FLOAT_CHAIN)) == len(
        nodes(converted.graph_def(), FLOAT_OP)
    )


def test_a_chain_may_be_as_long_as_the_op_says(tmp_path):
    weights = [
        tf.Variable(blocky(8, 8, (4, 1), 0.7, seed=i), name=f"w{i}/kernel")
        for i in range(MAX_LAYERS + 2)
    ]

    def function(x):
        for w in weights:
            x = tf.nn.relu(x @ w)
        return {"y": x}

    save(tmp_path, function, {"x": spec(None, 8)}, weights)
    words = {f"w{i}": "4x1" for i in range(len(weights))}
    converted = tfsparse.convert(tmp_path, overrides=words)
    assert [len(row.chain) for row in converted.report] == [16] * 16 + [2] * 2
    x = normal((40, 8))
    np.testing.assert_allclose(run(converted, x), function(tf.constant(x))["y"], rtol=1e-4)


def test_control_edges_come_along(tmp_path):
    def function(x, one, two, three):
        with tf.control_dependencies([tf.debugging.assert_less(x, 100.0)]):
            h = tf.nn.relu(x @ one)
        return {"y": h @ two @ three}

    converted, _ = convert(tmp_path, function, "fp32")
    (node,) = nodes(converted.graph_def(), FLOAT_CHAIN)
    controls = [reference for reference in node.input if reference.startswith("^")]
    names = {each.name for each in converted.graph_def().node}
    assert all(reference[1:] in names for reference in controls)
    run(converted)
