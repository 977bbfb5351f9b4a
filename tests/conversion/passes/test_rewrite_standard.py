import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.passes.match import find_dense_layers
from tfsparse.conversion.passes.rewrite import rewrite
from tfsparse.conversion.passes.rewrite_standard import (
    refuse_our_ops,
    rewrite_standard,
    standard_plan,
)
from tfsparse.conversion.planning import Options, Planner
from tfsparse.conversion.quantization import ActivationParams

from ..helpers import blocky, nodes, normal, read, spec

W = blocky(10, 12, (4, 2), keep=0.5).T.copy()
B = normal((10,), 1)
X = normal((5, 12), 2)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def planned(example, precision="int8", word="4x2"):
    layers, _ = find_dense_layers(example.view)
    store = PackedStore()
    planner = Planner(Options(precision, 8, {layer.name: word for layer in layers}), store)
    return [planner.plan(layer) for layer in layers], store


def rewritten(example, precision="int8", params=None):
    plans, store = planned(example, precision)
    plans = [standard_plan(plan) for plan in plans]
    params = {(example.graph, name): value for name, value in (params or {}).items()}
    return plans, rewrite_standard(plans, params, store, Views(example.state)), store


def kernel_of(example, node, store):
    """The value of the variable that a product reads."""
    handle = example.graph.captures[example.graph.nodes[node.input[1]].input[0]]
    (variable,) = [each for each in store.variables if each.handle is handle]
    return variable.numpy()


def test_a_product_its_bias_and_activation_take_the_name_of_the_last_node(tmp_path):
    example = read(tmp_path, lambda x: {"y": tf.exp(tf.nn.relu(x @ W + B))}, {"x": spec(None, 12)})
    before = {node.op: node.name for node in example.graph.nodes.values()}
    (plan,), made, _ = rewritten(example, "bf16")
    assert made[id(plan)] == before["Relu"]
    chain = [example.graph.nodes[before["Relu"]]]
    while chain[-1].op != "MatMul":
        chain.append(example.graph.nodes[chain[-1].input[0]])
    assert [node.op for node in chain][-3:] == ["Relu", "BiasAdd", "MatMul"]
    assert {node.op for node in chain[:-3]} == {"Identity"}
    assert not [node for node in example.graph.nodes.values() if node.op.startswith("Tfsparse")]


def test_weights_are_dense_variables_that_hold_what_the_precision_holds(tmp_path):
    for precision in ("bf16", "int8"):
        folder = tmp_path / precision
        example = read(folder, lambda x: {"y": x @ W + B}, {"x": spec(None, 12)})
        (plan,), _, store = rewritten(example, precision)
        (node,) = nodes(example.graph, "MatMul")
        stored = kernel_of(example, node, store)
        assert stored.dtype == np.float32 and stored.shape == (12, 10)
        np.testing.assert_array_equal(stored == 0, W == 0)
        if precision == "bf16":
            np.testing.assert_array_equal(stored, W.astype(tf.bfloat16.as_numpy_dtype))
        else:
            steps = stored / plan.packed.scale
            np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
            assert np.abs(stored - W).max() <= plan.packed.scale.max() / 1.99


@pytest.mark.parametrize("params", [None, ActivationParams(0.03, 90)], ids=["measured", "given"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_computes_what_our_ops_compute(tmp_path, precision, params):
    def function(x, z):
        heads = tf.reshape(x @ W + B, [-1, 2, 5])
        return {"y": tf.nn.gelu(heads), "z": tf.nn.silu(tf.tensordot(z, W, 1) + B)}

    inputs = {"x": spec(None, 12), "z": spec(None, None, 12)}
    known = {"x:0": params, "z:0": params} if params else {}
    ours = read(tmp_path / "ours", function, inputs)
    plans, _ = planned(ours, precision)
    rewrite(plans, {(ours.graph, name): value for name, value in known.items()})
    standard = read(tmp_path / "standard", function, inputs)
    rewritten(standard, precision, known)
    fed = {"x": X, "z": normal((2, 3, 12), 4)}
    expected, found = ours(**fed), standard(**fed)
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], atol=2e-5)


def test_activations_are_rounded_once_for_all_that_read_them_alike(tmp_path):
    def function(x):
        return {"y": x @ W + B, "z": tf.nn.relu(x @ (W * 2))}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    rewritten(example)
    # One of the activations, one of their zero point.
    assert len(nodes(example.graph, "Round")) == 2
    assert len(nodes(example.graph, "MatMul")) == 2


def test_shared_weights_are_stored_once(tmp_path):
    shared = tf.Variable(W, name="tied/kernel")

    def function(x, z):
        return {"y": x @ shared, "z": tf.nn.relu(z @ shared)}

    example = read(tmp_path, function, {"x": spec(None, 12), "z": spec(None, 12)}, [shared])
    rewritten(example)
    assert len(example.graph.captures) == len(nodes(example.graph, "ReadVariableOp")) == 1


def test_float32_stays_what_it_is(tmp_path):
    kernel = tf.Variable(W, name="dense/kernel")
    example = read(tmp_path, lambda x: {"y": x @ kernel + B}, {"x": spec(None, 12)}, [kernel])
    before = {name: node.SerializeToString() for name, node in example.graph.nodes.items()}
    (plan,), made, _ = rewritten(example, "fp32")
    assert not made and not plan.convert and "stays what it is" in plan.reason
    after = {name: node.SerializeToString() for name, node in example.graph.nodes.items()}
    assert before == after


def test_a_scale_is_folded_in_float32_too(tmp_path):
    scale = np.float32(np.arange(1, 11))

    def function(x):
        return {"y": tf.nn.relu((x @ W + B) * scale)}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    rewritten(example, "fp32")
    assert len(nodes(example.graph, "MatMul")) == 1 and not nodes(example.graph, "Mul")
    np.testing.assert_allclose(example(x=X)["y"], function(X)["y"], atol=1e-4)


def test_half_precision_becomes_float32_and_half_again(tmp_path):
    def function(x):
        return {"y": tf.nn.relu(tf.cast(x, tf.float16) @ W.astype(np.float16))}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    rewritten(example, "fp32")
    (node,) = nodes(example.graph, "MatMul")
    assert node.attr["T"].type == tf.float32.as_datatype_enum
    found = example(x=X)["y"]
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, function(X)["y"], atol=0.02)


def test_a_layer_in_a_loop_reads_its_weights_from_outside(tmp_path):
    square = blocky(12, 12, (4, 2), keep=0.5, seed=3).T / 4

    def function(x):
        body = lambda i, h: (i + 1, tf.tanh(h @ square))  # noqa: E731
        return {"y": tf.while_loop(lambda i, _: i < 3, body, (0, x))[1]}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    (body,) = [each for each in example.graph.all_graphs() if nodes(each, "MatMul")]
    layers, _ = find_dense_layers(Views(example.state).of(body))
    store = PackedStore()
    planner = Planner(Options("int8", 8, {layers[0].name: "4x2"}), store)
    rewrite_standard([planner.plan(layers[0])], {}, store, Views(example.state))
    assert nodes(body, "Round")
    np.testing.assert_allclose(example(x=X)["y"], function(X)["y"], atol=0.1)


def test_ops_of_ours_that_the_model_has_are_an_error(tmp_path):
    example = read(tmp_path, lambda x: {"y": x @ W + B}, {"x": spec(None, 12)})
    refuse_our_ops([example.graph])
    plans, _ = planned(example, "fp32")
    rewrite(plans, {})
    with pytest.raises(ValueError, match=r"without ops of tfsparse.*Received.*BlockSparseMatMul"):
        refuse_our_ops([example.graph])
