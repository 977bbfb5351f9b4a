import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.graph_function import graph_function
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.matching import find_dense_layers
from tfsparse.conversion.planning import plan_layer
from tfsparse.conversion.quantization import ActivationParams
from tfsparse.conversion.rewriting import op_node, rewrite

from .helpers import (
    FLOAT_OP,
    INT8_OP,
    blocky,
    constants,
    dtype_of,
    float_bound,
    frozen,
    nodes,
    normal,
    spec,
)

W = blocky(10, 12, (4, 2), keep=0.5).T.copy()
B = normal((10,), 1)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def rewritten(graph, precision="fp32", override="4x2", params=None):
    layers, _ = find_dense_layers(GraphView(graph))
    plans = [plan_layer(layer, precision, 8, override) for layer in layers]
    return plans, rewrite(graph, plans, params or {})


def test_the_op_takes_the_name_of_the_last_node(tmp_path):
    graph = frozen(tmp_path, lambda x: {"y": tf.exp(tf.nn.relu(x @ W + B))}, {"x": spec(None, 12)})
    before = {node.op: node.name for node in graph.graph_def.node}
    (plan,), after = rewritten(graph)
    (node,) = nodes(after.graph_def, FLOAT_OP)
    assert node.name == before["Relu"] == op_node(plan)
    assert (node.attr["units"].i, node.attr["activation"].s) == (10, b"relu")
    assert node.attr["is_weight_const"].b
    assert not nodes(after.graph_def, "MatMul") and not nodes(after.graph_def, "Relu")


def test_weights_are_packed_and_the_dense_ones_are_gone(tmp_path):
    kernel = tf.Variable(W, name="dense/kernel")
    graph = frozen(tmp_path, lambda x: {"y": x @ kernel}, {"x": spec(None, 12)}, [kernel])
    _, after = rewritten(graph)
    values = constants(after.graph_def)
    assert not any(value.shape == W.shape for value in values.values())
    (node,) = nodes(after.graph_def, FLOAT_OP)
    data, indices, indptr, bias, residual = (values[name.split(":")[0]] for name in node.input[1:])
    packed = ops.BlockSparseMatrix(data, indices, indptr, (10, 12))
    np.testing.assert_array_equal(packed.to_dense(), W.T)
    assert bias.shape == residual.shape == (0,)


def test_bf16_weights_take_half_the_bytes(tmp_path):
    graph = frozen(tmp_path, lambda x: {"y": x @ W + B}, {"x": spec(None, 12)})
    stored = {}
    for precision, dtype in (("fp32", tf.float32), ("bf16", tf.bfloat16)):
        (plan,), after = rewritten(graph, precision)
        (node,) = nodes(after.graph_def, FLOAT_OP)
        assert dtype_of(node, "T") == dtype
        stored[precision] = constants(after.graph_def)[node.input[1].split(":")[0]]
        assert stored[precision].dtype == plan.matrix.dtype == dtype.as_numpy_dtype
    assert 2 * stored["bf16"].nbytes == stored["fp32"].nbytes


def test_int8_gets_scales_per_channel_and_per_tensor(tmp_path):
    graph = frozen(tmp_path, lambda x: {"y": x @ W + B}, {"x": spec(None, 12)})
    layers, _ = find_dense_layers(GraphView(graph))
    (plan,), after = rewritten(graph, "int8", params={layers[0].x: ActivationParams(0.5, 7)})
    (node,) = nodes(after.graph_def, INT8_OP)
    values = constants(after.graph_def)
    inputs = [values.get(name.split(":")[0]) for name in node.input]
    assert (inputs[1], inputs[2]) == (np.float32(0.5), 7)
    assert inputs[3].dtype == np.int8
    np.testing.assert_array_equal(inputs[6], plan.weight_scale)
    np.testing.assert_array_equal(inputs[7], B)
    assert (inputs[9], inputs[10]) == (1.0, 0)
    assert dtype_of(node, "Tin") == dtype_of(node, "Tout") == tf.float32


def test_shared_weights_are_stored_once(tmp_path):
    def function(x, z):
        return {"y": x @ shared, "z": tf.nn.relu(z @ shared)}

    shared = tf.Variable(W, name="tied/kernel")
    inputs = {"x": spec(None, 12), "z": spec(None, 12)}
    graph = frozen(tmp_path, function, inputs, [shared])
    _, after = rewritten(graph)
    first, second = nodes(after.graph_def, FLOAT_OP)
    assert list(first.input[1:4]) == list(second.input[1:4])
    assert len([v for v in constants(after.graph_def).values() if v.ndim == 3]) == 1


@pytest.mark.parametrize("lead", [(None,), (None, 5), (None, None), (2, 3, 4)])
@pytest.mark.parametrize("axis", [-1, 1])
def test_computes_what_the_graph_computed(tmp_path, lead, axis):
    if axis == 1 and len(lead) == 1:
        shape, axes = (*lead, 12), [[1], [0]]
    elif axis == 1:
        shape, axes = (lead[0], 12, *lead[1:]), [[1], [0]]
    else:
        shape, axes = (*lead, 12), 1
    graph = frozen(
        tmp_path,
        lambda x: {"y": tf.exp(-tf.nn.relu(tf.tensordot(x, W, axes) + B))},
        {"x": spec(*shape)},
    )
    _, after = rewritten(graph)
    assert nodes(after.graph_def, FLOAT_OP)
    for batch in (3, 1, 0):
        x = normal([batch if size is None else size for size in shape], 2)
        expected = graph_function(graph)(x=tf.constant(x))["y"]
        result = graph_function(after)(x=tf.constant(x))["y"]
        bound = float_bound(x if axis == -1 else np.moveaxis(x, 1, -1), W) if x.size else 0
        np.testing.assert_allclose(result, expected, atol=bound, rtol=1e-6)


def test_the_reshape_that_stays_is_followed_by_the_old_name(tmp_path):
    graph = frozen(
        tmp_path,
        lambda x: {"y": tf.exp(tf.nn.relu(tf.tensordot(x, W, [[1], [0]]) + B))},
        {"x": spec(None, 12, 3)},
    )
    relu = next(node.name for node in graph.graph_def.node if node.op == "Relu")
    (plan,), after = rewritten(graph)
    by_name = {node.name: node for node in after.graph_def.node}
    assert by_name[relu].op == "Identity"
    assert by_name[by_name[relu].input[0]].op == "Reshape"
    assert by_name[op_node(plan)].attr["activation"].s == b"relu"


def test_effects_that_a_layer_waits_for_are_kept(tmp_path):
    def function(x):
        weights = tf.constant(W)
        with tf.control_dependencies([tf.debugging.assert_less(x, 10.0)]):
            product = tf.raw_ops.MatMul(a=x, b=weights)
        return {"y": tf.nn.relu(product)}

    graph = frozen(tmp_path, function, {"x": spec(None, 12)})
    _, after = rewritten(graph)
    (node,) = nodes(after.graph_def, FLOAT_OP)
    waits = [ref for ref in node.input if ref.startswith("^")]
    product = next(node for node in graph.graph_def.node if node.op == "MatMul")
    assert waits and waits == [ref for ref in product.input if ref.startswith("^")]


def test_a_name_that_is_taken_is_not_taken_twice(tmp_path):
    def function(x):
        taken = tf.constant(np.ones(3, np.float32), name="layer/bias")
        return {"y": tf.matmul(x, W, name="layer") + tf.reduce_sum(x), "z": taken * 2.0 * x[0, 0]}

    graph = frozen(tmp_path, function, {"x": spec(None, 12)})
    _, after = rewritten(graph)
    names = [node.name for node in after.graph_def.node]
    assert len(names) == len(set(names))
    x = normal((2, 12))
    for key in ("y", "z"):
        np.testing.assert_allclose(
            graph_function(after)(x=tf.constant(x))[key],
            graph_function(graph)(x=tf.constant(x))[key],
            atol=float_bound(x, W),
        )
