import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ops
from tfsparse.pattern import BlockPattern

from ..helpers import INT8_OP, constants, dtype_of, nodes, normal, save, spec

W1, W2, W3 = normal((8, 12)), normal((12, 8), 1), normal((12, 4), 2)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


@pytest.fixture(autouse=True)
def no_chains(monkeypatch):
    """Ops stay apart, so that what is between them can be looked at."""
    monkeypatch.setattr("tfsparse.conversion.conversion.chain_layers", lambda view, _: {})


def convert(path, function, inputs=None, overrides=None, **options):
    """The converted graph of a function of layers named by their weights' variables."""
    inputs = inputs or {"x": spec(None, 8)}
    variables = {
        name: tf.Variable(value, name=f"{name}/kernel")
        for name, value in (("one", W1), ("two", W2), ("three", W3))
    }
    save(path, lambda **x: function(**x, **variables), inputs, list(variables.values()))
    found = [row.layer for row in tfsparse.convert(path).report]
    words = dict.fromkeys(found, "convert") | (overrides or {})
    shape = [6 if size is None else size for size in inputs["x"].shape]
    data = {"x": normal(shape, 5)}
    converted = tfsparse.convert(path, "int8", data, overrides=words, batch_size=8, **options)
    return converted.graph_def(), {row.layer: row for row in converted.report}


def types(rows):
    return {name: (row.input, row.output) for name, row in rows.items()}


PASSES = {
    "nothing": lambda v: v,
    "identity": tf.identity,
    "reshape": lambda v: tf.reshape(v, [-1, 12]),
    "expand and squeeze": lambda v: tf.squeeze(tf.expand_dims(v, 1), 1),
    "transposed twice": lambda v: tf.transpose(tf.transpose(v)),
    "reshape by its own shape": lambda v: tf.reshape(v, tf.shape(v)),
}


@pytest.mark.parametrize("case", PASSES)
def test_uint8_passes_through_what_only_moves_elements(tmp_path, case):
    def function(x, one, two, **_):
        return {"y": PASSES[case](tf.nn.relu(x @ one)) @ two}

    graph_def, rows = convert(tmp_path, function)
    assert types(rows) == {"one": ("float32", "uint8"), "two": ("uint8", "float32")}
    first, second = sorted(
        nodes(graph_def, INT8_OP), key=lambda node: node.name != rows["one"].node
    )
    assert list(first.input[9:11]) == list(second.input[1:3])
    assert dtype_of(first, "Tout") == dtype_of(second, "Tin") == tf.uint8
    between = [n for n in graph_def.node if n.op in ("Reshape", "Transpose", "Squeeze", "Shape")]
    assert all(dtype_of(node, "T") == tf.uint8 for node in between)


def test_ops_that_a_model_had_before_stay_as_they_are(tmp_path):
    weights = ops.BlockSparseMatrix.from_dense(np.eye(12, dtype=np.int8), BlockPattern(4, 1))

    def own(x, dtype=tf.float32):
        return ops.quantized_block_sparse_matmul(
            x, 0.1, 7, weights, np.ones(12), output_dtype=dtype, y_scale=0.1, y_zero_point=7
        )

    def function(x, one, two, **_):
        return {"y": own(own(tf.nn.relu(x @ one), tf.uint8)) @ two}

    graph_def, rows = convert(tmp_path, function)
    assert types(rows) == {"one": ("float32", "float32"), "two": ("float32", "float32")}
    assert len(nodes(graph_def, INT8_OP)) == 4
    by_name = constants(graph_def)
    converted = {row.node for row in rows.values()}
    for node in nodes(graph_def, INT8_OP):
        if node.name not in converted:
            assert by_name[node.input[1]] == np.float32(0.1)


def test_the_scale_is_that_of_the_calibrated_result(tmp_path):
    def function(x, one, two, **_):
        return {"y": tf.nn.relu(x @ one) @ two}

    graph_def, rows = convert(tmp_path, function)
    first = next(node for node in nodes(graph_def, INT8_OP) if node.name == rows["one"].node)
    values = constants(graph_def)
    largest = np.maximum(normal((6, 8), 5) @ W1, 0).max()
    assert values[first.input[9]] == pytest.approx(largest / 255, rel=1e-5)
    assert values[first.input[10]] == 0


def test_a_result_without_relu_has_a_zero_point(tmp_path):
    graph_def, rows = convert(tmp_path, lambda x, one, two, **_: {"y": (x @ one) @ two})
    first = next(node for node in nodes(graph_def, INT8_OP) if node.name == rows["one"].node)
    assert 0 < constants(graph_def)[first.input[10]] < 255
    assert rows["one"].output == "uint8"


def test_two_consumers_take_the_same_uint8(tmp_path):
    def function(x, one, two, three):
        hidden = tf.nn.relu(x @ one)
        return {"y": hidden @ two, "z": hidden @ three}

    _, rows = convert(tmp_path, function)
    assert rows["one"].output == rows["two"].input == rows["three"].input == "uint8"


STAYS = {
    "it is an output too": lambda x, one, two, **_: (lambda h: {"y": h @ two, "hidden": h})(
        tf.nn.relu(x @ one)
    ),
    "another op reads it": lambda x, one, two, **_: (lambda h: {"y": h @ two + tf.reduce_sum(h)})(
        tf.nn.relu(x @ one)
    ),
    "another op reads it after a reshape": lambda x, one, two, **_: (
        lambda h: {"y": h @ two, "z": tf.exp(tf.reshape(h, [-1]))}
    )(tf.nn.relu(x @ one)),
    "an op that looks at elements is between": lambda x, one, two, **_: {
        "y": tf.exp(x @ one) @ two
    },
}


@pytest.mark.parametrize("case", STAYS)
def test_a_result_that_something_else_reads_stays_float(tmp_path, case):
    _, rows = convert(tmp_path, STAYS[case])
    assert types(rows) == {"one": ("float32", "float32"), "two": ("float32", "float32")}


def test_a_consumer_that_is_not_converted_keeps_the_result_float(tmp_path):
    def function(x, one, two, three):
        hidden = tf.nn.relu(x @ one)
        return {"y": hidden @ two, "z": hidden @ three}

    _, rows = convert(tmp_path, function, overrides={"three": "skip"})
    assert rows["one"].output == rows["two"].input == "float32"


def test_rank_3_chains_pass_uint8(tmp_path):
    def function(x, one, two, **_):
        return {"y": tf.tensordot(tf.nn.relu(tf.tensordot(x, one, 1)), two, 1)}

    _, rows = convert(tmp_path, function, {"x": spec(None, None, 8)})
    assert types(rows) == {"one": ("float32", "uint8"), "two": ("uint8", "float32")}


def test_ranges_that_are_measured_in_each_call_leave_results_float(tmp_path):
    def function(x, one, two, **_):
        return {"y": tf.nn.relu(x @ one) @ two}

    graph_def, rows = convert(tmp_path, function, activations="dynamic")
    assert types(rows) == {"one": ("float32", "float32"), "two": ("float32", "float32")}
    assert len(nodes(graph_def, "Tfsparse>ActivationRange")) == 2
