import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.passes.clean import clean
from tfsparse.conversion.passes.match import find_dense_layers
from tfsparse.conversion.passes.rewrite import rewrite
from tfsparse.conversion.patches import patches
from tfsparse.conversion.planning import Options, Planner
from tfsparse.conversion.quantization import ActivationParams

from ..helpers import (
    FLOAT_CONV_OP,
    FLOAT_OP,
    INT8_CONV_OP,
    INT8_OP,
    blocky,
    dtype_of,
    float_bound,
    nodes,
    normal,
    read,
    spec,
)

W = blocky(10, 12, (4, 2), keep=0.5).T.copy()
B = normal((10,), 1)


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def rewritten(example, precision="fp32", override="4x2", params=None):
    """Plans of an example's layers, and the names of the ops that took their places."""
    layers, _ = find_dense_layers(example.view)
    options = Options(precision, 8, {layer.name: override for layer in layers})
    plans = [Planner(options, PackedStore()).plan(layer) for layer in layers]
    params = {(example.graph, name): value for name, value in (params or {}).items()}
    made = rewrite(plans, params)
    return plans, [made[id(plan)] for plan in plans]


def value(example, reference):
    found = example.view.constant(reference if ":" in reference else f"{reference}:0")
    return None if found is None else np.asarray(found)


def test_the_op_takes_the_name_of_the_last_node(tmp_path):
    example = read(tmp_path, lambda x: {"y": tf.exp(tf.nn.relu(x @ W + B))}, {"x": spec(None, 12)})
    before = {node.op: node.name for node in example.graph.nodes.values()}
    _, (name,) = rewritten(example)
    (node,) = nodes(example.graph, FLOAT_OP)
    assert node.name == before["Relu"] == name
    assert (node.attr["units"].i, node.attr["inputs"].i) == (10, 12)
    assert node.attr["activation"].s == b"relu" and node.attr["is_weight_const"].b
    assert not nodes(example.graph, "MatMul") and not nodes(example.graph, "Relu")


def test_weights_are_packed_variables_and_the_dense_ones_are_gone(tmp_path):
    kernel = tf.Variable(W, name="dense/kernel")
    example = read(tmp_path, lambda x: {"y": x @ kernel}, {"x": spec(None, 12)}, [kernel])
    assert len(example.graph.captures) == 1
    (plan,), _ = rewritten(example)
    handles = {id(plan.packed.data.handle), id(plan.packed.indices.handle)}
    assert {id(captured) for captured in example.graph.captures.values()} == handles
    np.testing.assert_array_equal(plan.packed.matrix().to_dense(), W.T)
    (node,) = nodes(example.graph, FLOAT_OP)
    assert value(example, node.input[4]).shape == value(example, node.input[5]).shape == (0,)


def test_bf16_weights_take_half_the_bytes(tmp_path):
    stored = {}
    for precision, dtype in (("fp32", tf.float32), ("bf16", tf.bfloat16)):
        example = read(tmp_path / precision, lambda x: {"y": x @ W + B}, {"x": spec(None, 12)})
        (plan,), _ = rewritten(example, precision)
        (node,) = nodes(example.graph, FLOAT_OP)
        assert dtype_of(node, "T") == dtype == plan.packed.data.dtype
        stored[precision] = plan.packed.data.numpy().nbytes
    assert 2 * stored["bf16"] == stored["fp32"]


def test_int8_gets_scales_per_channel_and_per_tensor(tmp_path):
    example = read(tmp_path, lambda x: {"y": x @ W + B}, {"x": spec(None, 12)})
    params = {"x:0": ActivationParams(0.5, 7)}
    (plan,), _ = rewritten(example, "int8", params=params)
    (node,) = nodes(example.graph, INT8_OP)
    found = [value(example, reference) for reference in node.input[1:3]]
    assert found == [np.float32(0.5), 7]
    assert plan.packed.data.dtype == tf.int8
    np.testing.assert_array_equal(value(example, node.input[6]), plan.packed.scale)
    np.testing.assert_array_equal(value(example, node.input[7]), B)
    assert (value(example, node.input[9]), value(example, node.input[10])) == (1.0, 0)
    assert dtype_of(node, "Tin") == dtype_of(node, "Tout") == tf.float32


def test_int8_without_a_range_measures_it_once_for_all_that_read_x(tmp_path):
    def function(x):
        return {"y": x @ W + B, "z": tf.nn.relu(x @ (W * 2))}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    rewritten(example, "int8")
    one, two = nodes(example.graph, INT8_OP)
    assert list(one.input[1:3]) == list(two.input[1:3])
    assert len(nodes(example.graph, "Tfsparse>ActivationRange")) == 1
    x = normal((5, 12), 4)
    np.testing.assert_allclose(example(x=x)["y"], x @ W + B, atol=0.1)


def test_shared_weights_are_stored_once(tmp_path):
    shared = tf.Variable(W, name="tied/kernel")

    def function(x, z):
        return {"y": x @ shared, "z": tf.nn.relu(z @ shared)}

    inputs = {"x": spec(None, 12), "z": spec(None, 12)}
    example = read(tmp_path, function, inputs, [shared])
    layers, _ = find_dense_layers(example.view)
    planner = Planner(Options("fp32", 8, {"tied": "4x2"}), PackedStore())
    plans = [planner.plan(layer) for layer in layers]
    rewrite(plans, {})
    first, second = nodes(example.graph, FLOAT_OP)
    assert list(first.input[1:3]) == list(second.input[1:3])
    assert plans[0].packed is plans[1].packed
    assert len(nodes(example.graph, "ReadVariableOp")) == 2


@pytest.mark.parametrize("lead", [(None,), (None, 5), (None, None), (2, 3, 4)])
@pytest.mark.parametrize("axis", [-1, 1])
def test_computes_what_the_graph_computed(tmp_path, lead, axis):
    if axis == 1 and len(lead) == 1:
        shape, axes = (*lead, 12), [[1], [0]]
    elif axis == 1:
        shape, axes = (lead[0], 12, *lead[1:]), [[1], [0]]
    else:
        shape, axes = (*lead, 12), 1

    def function(x):
        return {"y": tf.exp(-tf.nn.relu(tf.tensordot(x, W, axes) + B))}

    example = read(tmp_path, function, {"x": spec(*shape)})
    rewritten(example)
    assert nodes(example.graph, FLOAT_OP)
    for batch in (3, 1, 0):
        x = normal([batch if size is None else size for size in shape], 2)
        bound = float_bound(x if axis == -1 else np.moveaxis(x, 1, -1), W) if x.size else 0
        expected = function(tf.constant(x))["y"]
        np.testing.assert_allclose(example(x=x)["y"], expected, atol=bound, rtol=1e-6)


AXES = {
    "to heads": ("abc,cde->abde", (None, None, 12), (12, 2, 5)),
    "from heads": ("abde,dec->abc", (None, None, 3, 4), (3, 4, 10)),
    "heads to heads": ("abde,defg->abfg", (None, None, 3, 4), (3, 4, 2, 5)),
    "another axis": ("abc,bd->adc", (None, 12, 3), (12, 10)),
    "heads first": ("abc,cde->adbe", (None, 6, 12), (12, 2, 5)),
}


@pytest.mark.parametrize("dtype", [tf.float32, tf.float16, tf.bfloat16])
@pytest.mark.parametrize("case", AXES)
def test_einsums_over_several_axes(tmp_path, case, dtype):
    equation, shape, w_shape = AXES[case]
    kernel = normal(w_shape, 3)

    def function(x):
        product = tf.einsum(equation, tf.cast(x, dtype), tf.cast(kernel, dtype))
        return {"y": tf.cast(tf.nn.relu(product + tf.cast(0.5, dtype)), tf.float32)}

    example = read(tmp_path, function, {"x": spec(*shape)})
    rewritten(example)
    assert len(nodes(example.graph, FLOAT_OP)) == 1 and not nodes(example.graph, "Einsum")
    for batch in (2, 1, 0):
        x = normal([batch if axis == 0 else size or 7 for axis, size in enumerate(shape)], 2)
        expected = function(tf.constant(x))["y"].numpy()
        close = {tf.float32: 1e-5, tf.float16: 2e-2, tf.bfloat16: 2e-1}[dtype]
        np.testing.assert_allclose(example(x=x)["y"], expected, atol=close, rtol=1e-5)


def test_half_precision_between_layers_falls_away(tmp_path):
    half = tf.float16

    def function(x):
        hidden = tf.nn.relu(tf.cast(x, half) @ tf.cast(W, half))
        return {"y": tf.cast(hidden @ tf.cast(W.T.copy(), half), tf.float32)}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    rewritten(example)
    one, two = nodes(example.graph, FLOAT_OP)
    assert one.input[0] == "x" and two.input[0] == one.name


def test_the_reshape_that_stays_is_followed_by_the_old_name(tmp_path):
    example = read(
        tmp_path,
        lambda x: {"y": tf.exp(tf.nn.relu(tf.tensordot(x, W, [[1], [0]]) + B))},
        {"x": spec(None, 12, 3)},
    )
    relu = next(node.name for node in example.graph.nodes.values() if node.op == "Relu")
    _, (name,) = rewritten(example)
    by_name = example.graph.nodes
    assert by_name[relu].op == "Identity"
    assert by_name[by_name[relu].input[0]].op == "Reshape"
    assert by_name[name].attr["activation"].s == b"relu"


def test_effects_that_a_layer_waits_for_are_kept(tmp_path):
    def function(x):
        weights = tf.constant(W)
        with tf.control_dependencies([tf.debugging.assert_less(x, 10.0)]):
            product = tf.raw_ops.MatMul(a=x, b=weights)
        return {"y": tf.nn.relu(product)}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    product = next(node for node in example.graph.nodes.values() if node.op == "MatMul")
    wanted = sorted(ref for ref in product.input if ref.startswith("^"))
    rewritten(example)
    (node,) = nodes(example.graph, FLOAT_OP)
    waits = [ref for ref in node.input if ref.startswith("^")]
    assert waits and waits == wanted


def test_a_name_that_is_taken_is_not_taken_twice(tmp_path):
    def function(x):
        taken = tf.constant(np.ones(3, np.float32), name="layer/bias")
        return {"y": tf.matmul(x, W, name="layer") + tf.reduce_sum(x), "z": taken * 2.0 * x[0, 0]}

    example = read(tmp_path, function, {"x": spec(None, 12)})
    rewritten(example)
    x = normal((2, 12))
    expected, found = function(tf.constant(x)), example(x=x)
    for key in ("y", "z"):
        np.testing.assert_allclose(found[key], expected[key], atol=float_bound(x, W))


@pytest.mark.parametrize("kind", ["loop", "branch", "case", "nested", "map_fn"])
def test_layers_inside_loops_and_branches_read_their_weights_from_outside(tmp_path, kind):
    kernel = tf.Variable(normal((12, 12)) / 4, name="inner/kernel")

    def step(v):
        return tf.nn.relu(v @ kernel)

    def function(x, n):
        if kind == "loop":
            y = tf.while_loop(lambda i, _: i < n, lambda i, v: (i + 1, step(v)), (0, x))[1]
        elif kind == "branch":
            y = tf.cond(n > 1, lambda: step(x), lambda: x * 2.0)
        elif kind == "case":
            y = tf.switch_case(n, [lambda: x, lambda: step(x), lambda: step(step(x))])
        elif kind == "map_fn":
            y = tf.map_fn(lambda row: step(row[None])[0], x)
        else:

            def body(i, v):
                return i + 1, tf.cond(i > 0, lambda: step(v), lambda: v)

            y = tf.while_loop(lambda i, _: i < n, body, (0, x))[1]
        return {"y": y + 1.0}

    inputs = {"x": spec(None, 12), "n": spec(dtype=tf.int32)}
    example = read(tmp_path, function, inputs, [kernel])
    layers = [
        layer
        for graph in example.graph.all_graphs()
        for layer in find_dense_layers(Views(example.state).of(graph))[0]
    ]
    assert layers and {layer.name for layer in layers} == {"inner"}
    planner = Planner(Options("fp32", 8, {"inner": "4x2"}), PackedStore())
    plans = [planner.plan(layer) for layer in layers]
    rewrite(plans, {})
    clean(example.graph, example.state)
    assert id(kernel.handle) not in {id(each) for each in example.graph.captures.values()}
    assert len(example.graph.captures) == 2
    x = normal((3, 12))
    for n in (0, 1, 2):
        expected = function(tf.constant(x), tf.constant(n))["y"]
        np.testing.assert_allclose(example(x=x, n=np.int32(n))["y"], expected, atol=1e-5)


def test_one_tensor_in_two_orders(tmp_path):
    """Two products that sum over different axes of one tensor each transpose it their own way."""

    def function(x):
        return {"y": tf.einsum("abc,an->bcn", x, W), "z": tf.einsum("abc,bn->acn", x, W)}

    example = read(tmp_path, function, {"x": spec(12, 12, 12)})
    x = normal((12, 12, 12), 2)
    expected = function(x)
    rewritten(example)
    assert len(nodes(example.graph, FLOAT_OP)) == 2
    for key, value in example(x=x).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-5, atol=1e-5)


FILTERS = normal((3, 2, 4, 6), 3)
IMAGES = {"x": spec(None, 7, 8, 4)}


def convolved(x):
    padded = tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 0]])
    return tf.nn.relu(tf.nn.conv2d(padded, FILTERS, [2, 1], "VALID"))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_convolution_says_how_its_window_moves(tmp_path, precision):
    example = read(tmp_path, lambda x: {"y": convolved(x)}, IMAGES)
    _, (name,) = rewritten(example, precision, "2x1", {"x:0": ActivationParams(0.1, 7)})
    node = example.graph.nodes[name]
    assert node.op == (FLOAT_CONV_OP if precision == "fp32" else INT8_CONV_OP)
    window = {
        "kernel_size": [3, 2],
        "strides": [2, 1],
        "dilations": [1, 1],
        "paddings": [1, 2, 3, 0],
    }
    assert {key: list(node.attr[key].list.i) for key in window} == window
    assert (node.attr["filters"].i, node.attr["inputs"].i, node.attr["groups"].i) == (6, 4, 1)
    assert node.attr["padding"].s == b"EXPLICIT" and node.attr["activation"].s == b"relu"
    assert not nodes(example.graph, "Pad") and not nodes(example.graph, "Conv2D")


def test_same_is_left_to_the_op(tmp_path):
    def function(x):
        return {"y": tf.nn.conv2d(x, FILTERS[:, :, :2], 2, "SAME")}

    example = read(tmp_path, function, IMAGES)
    _, (name,) = rewritten(example, override="3x1")
    node = example.graph.nodes[name]
    assert node.attr["padding"].s == b"SAME" and not any(node.attr["paddings"].list.i)
    assert (node.attr["groups"].i, node.attr["inputs"].i) == (2, 4)
    x = normal((2, 7, 8, 4), 4)
    expected = function(tf.constant(x))["y"]
    np.testing.assert_allclose(example(x=x)["y"], expected, atol=1e-4)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_sequences_become_images_and_sequences_again(tmp_path, dtype):
    kernel = normal((3, 4, 4), 5)

    def function(x):
        x = tf.cast(x, dtype)
        y = tf.nn.conv1d(x, tf.cast(kernel, dtype), 1, "SAME")
        return {"y": tf.cast(tf.nn.relu(y + x), tf.float32)}

    example = read(tmp_path, function, {"x": spec(None, 9, 4)})
    _, (name,) = rewritten(example, override="4x1")
    (squeeze,) = nodes(example.graph, "Squeeze")
    assert list(squeeze.attr["squeeze_dims"].list.i) == [1] and squeeze.input[0] == name
    assert len(nodes(example.graph, "ExpandDims")) == 1  # What is convolved is the residual too.
    x = normal((2, 9, 4), 6)
    bound = 1e-5 if dtype == tf.float32 else 0.05
    expected = function(tf.constant(x))["y"]
    np.testing.assert_allclose(example(x=x)["y"], expected, atol=bound * np.abs(expected).max())


def test_a_pointwise_convolution_has_the_bits_of_its_product(tmp_path):
    matrix = blocky(12, 10, (4, 1), 0.5).T.copy()
    x = normal((2, 5, 6, 10), 7)
    params = {"x:0": ActivationParams(0.03, 120)}
    found = []
    for name, function in {
        "product": lambda x: tf.tensordot(x, matrix, 1),
        "convolution": lambda x: tf.nn.conv2d(x, matrix[None, None], 1, "VALID"),
    }.items():
        layers = {"x": spec(None, 5, 6, 10)}
        example = read(tmp_path / name, lambda x, f=function: {"y": tf.nn.relu(f(x))}, layers)
        rewritten(example, "int8", "4x1", params)
        found.append(example(x=x)["y"])
    np.testing.assert_array_equal(*found)


def test_a_convolution_has_the_bits_of_the_product_of_its_windows(tmp_path):
    x = normal((2, 7, 8, 4), 8)
    params = ActivationParams(0.03, 120)
    example = read(tmp_path, lambda x: {"y": convolved(x)}, IMAGES)
    (plan,), _ = rewritten(example, "int8", "2x1", {"x:0": params})
    rows = patches(x, plan.layer.geometry, 10**6)[:, 0]
    product = ops.quantized_block_sparse_matmul(
        rows,
        params.scale,
        params.zero_point,
        plan.packed.matrix(),
        plan.packed.scale,
        activation="relu",
    )
    np.testing.assert_array_equal(example(x=x)["y"].reshape(-1, 6), product)


def test_a_convolution_in_a_loop_measures_its_range(tmp_path):
    kernel = tf.Variable(normal((3, 3, 4, 4), 2) / 6, name="inner/kernel")

    def function(x):
        def body(i, v):
            return i + 1, tf.nn.relu(tf.nn.conv2d(v, kernel, 1, "SAME"))

        return {"y": tf.while_loop(lambda i, _: i < 2, body, (0, x))[1]}

    example = read(tmp_path, function, IMAGES, [kernel])
    (body,) = [body for (_, slot), body in example.graph.bodies.items() if slot == "body"]
    layers, _ = find_dense_layers(Views(example.state).of(body))
    plans = [Planner(Options("int8", 8, {"inner": "4x1"}), PackedStore()).plan(*layers)]
    rewrite(plans, {})
    assert len(nodes(body, INT8_CONV_OP)) == len(nodes(body, "Tfsparse>ActivationRange")) == 1
    x = normal((2, 7, 8, 4), 6)
    expected = function(tf.constant(x))["y"]
    np.testing.assert_allclose(example(x=x)["y"], expected, atol=0.05 * np.abs(expected).max())
