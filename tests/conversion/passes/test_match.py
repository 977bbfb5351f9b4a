import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.passes.match import find_dense_layers

from ..helpers import normal, read, spec, view_of

W = normal((3, 4))
B = normal((4,), 1)
SQUARE = normal((3, 3), 2)
X = {"x": spec(None, 3)}


def find(path, function, inputs=None):
    return find_dense_layers(view_of(path, function, inputs or X))


def op_of(layer, path, function, inputs=None):
    return view_of(path, function, inputs or X).nodes[layer.result].op


MATCHES = {
    "product": (lambda x: x @ W, None, "linear", "MatMul"),
    "bias_add": (lambda x: tf.nn.bias_add(x @ W, B), B, "linear", "BiasAdd"),
    "add": (lambda x: x @ W + B, B, "linear", "AddV2"),
    "add from the left": (lambda x: B + x @ W, B, "linear", "AddV2"),
    "old add": (lambda x: tf.raw_ops.Add(x=x @ W, y=B), B, "linear", "Add"),
    "row of biases": (lambda x: x @ W + B[None], B, "linear", "AddV2"),
    "one bias": (lambda x: x @ W + 0.5, np.full(4, 0.5, np.float32), "linear", "AddV2"),
    "relu": (lambda x: tf.nn.relu(x @ W), None, "relu", "Relu"),
    "bias and relu": (lambda x: tf.nn.relu(x @ W + B), B, "relu", "Relu"),
    "identities": (
        lambda x: tf.nn.relu(tf.identity(tf.identity(x @ W) + B)),
        B,
        "relu",
        "Relu",
    ),
    "transposed": (lambda x: tf.matmul(x, W.T.copy(), transpose_b=True) + B, B, "linear", "AddV2"),
    "folded": (lambda x: x @ tf.transpose(tf.constant(W.T.copy())) + B, B, "linear", "AddV2"),
    "halves": (lambda x: x @ tf.cast(tf.constant(W, tf.float16), tf.float32), None, "linear", None),
    "other activation": (lambda x: tf.nn.elu(x @ W + B), B, "linear", "AddV2"),
}


@pytest.mark.parametrize("case", MATCHES)
def test_matches(tmp_path, case):
    function, bias, activation, last = MATCHES[case]
    (layer,), unmatched = find(tmp_path, lambda x: {"y": tf.exp(function(x))})
    assert not unmatched
    expected = W.astype(np.float16).astype(np.float32) if case == "halves" else W
    np.testing.assert_array_equal(layer.weights.matrix(), expected.T)
    assert layer.activation == activation
    assert (layer.bias is None) == (bias is None)
    if bias is not None:
        np.testing.assert_array_equal(layer.bias, bias)
    if last:
        assert op_of(layer, tmp_path, lambda x: {"y": tf.exp(function(x))}) == last


STOPS = {
    "product is read twice": (lambda p: tf.exp(p + B) * tf.reduce_sum(p), "MatMul"),
    "bias is read twice": (lambda p: tf.nn.relu(p + B) * tf.reduce_sum(p + B), "MatMul"),
    "sum is read twice": (lambda p: (lambda s: tf.nn.relu(s) * tf.exp(s))(p + B), "AddV2"),
    "bias per row": (lambda p: p + tf.ones([2, 1]), "MatMul"),
    "matrix of biases": (lambda p: p + tf.ones([2, 4]), "MatMul"),
    "bias of higher rank": (lambda p: p + B[None, None], "MatMul"),
    "bias that is not constant": (lambda p: p + tf.random.uniform([4]), "MatMul"),
    "product with itself": (lambda p: p + p, "MatMul"),
}


@pytest.mark.parametrize("case", STOPS)
def test_stops_where_something_else_looks(tmp_path, case):
    function, last = STOPS[case]
    inputs = {"x": spec(2, 3)}

    def whole(x):
        return {"y": function(x @ W)}

    (layer,), _ = find(tmp_path, whole, inputs)
    assert op_of(layer, tmp_path, whole, inputs) == last


OTHERS = {
    "another input": lambda x, other: x @ W + other,
    "what is made of another input": lambda x, other: x @ W + tf.exp(other @ normal((4, 4))),
    "rows that another input picks": lambda x, other: x @ W + tf.gather(W, tf.argmax(other, 1)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_row_for_all_is_no_residual(tmp_path, case):
    """The batch of another input may be 1, which is broadcast."""
    inputs = {"x": spec(None, 3), "other": spec(None, 4)}
    layers, _ = find(tmp_path, lambda x, other: {"y": OTHERS[case](x, other)}, inputs)
    assert all(layer.residual is None for layer in layers)


def test_of_one_input_all_have_one_batch(tmp_path):
    (layer,), _ = find(tmp_path, lambda x: {"y": x @ W + tf.exp(tf.repeat(x, [1, 1, 2], axis=1))})
    assert layer.residual is not None


ROWS = {
    "the first row": lambda x: x @ SQUARE + x[:1],
    "by the first row": lambda x: x[:1] @ SQUARE + x,
    "the first row, further on": lambda x: x @ SQUARE + tf.exp(x[:1]),
    "the rows in halves": lambda x: x[: tf.shape(x)[0] // 2] @ SQUARE + x[:1],
    "the rows that a mask leaves": lambda x: x @ SQUARE + tf.boolean_mask(x, x[:, 0] > 0),
    "by the rows that a mask leaves": lambda x: tf.boolean_mask(x, x[:, 0] > 0) @ SQUARE + x,
    "rows of another mask": lambda x: (
        tf.boolean_mask(x, x[:, 0] > 0) @ SQUARE + tf.boolean_mask(x, x[:, 1] > 0)
    ),
    "as many rows as a number says": lambda x: (
        x @ SQUARE + tf.exp(x[: tf.cast(tf.reduce_sum(x), tf.int32)])
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_some_rows_of_an_input_are_no_residual(tmp_path, case):
    (layer,), _ = find(tmp_path, lambda x: {"y": ROWS[case](x)})
    assert layer.residual is None


def test_an_output_is_not_drawn_in(tmp_path):
    def function(x):
        product = x @ W
        return {"y": tf.nn.relu(product), "product": product}

    (layer,), _ = find(tmp_path, function)
    assert op_of(layer, tmp_path, function) == "MatMul"


def test_a_square_bias_for_columns_is_not_a_bias_for_rows(tmp_path):
    column = normal((3, 1))
    inputs = {"x": spec(3, 3)}
    (layer,), _ = find(tmp_path, lambda x: {"y": x @ SQUARE + column}, inputs)
    assert layer.bias is None


UNMATCHED = {
    "its weights are not constant": lambda x: x @ tf.transpose(x),
    "it computes in float64, not float32": lambda x: tf.cast(x, tf.float64) @ W.astype(np.float64),
    "its weights are empty": lambda x: x @ W[:, :0],
    "its weights are a batch of matrices": lambda x: tf.matmul(x[None], normal((2, 3, 4))),
    "its weights are not a matrix": lambda x: tf.einsum("ab,b->a", x, normal(3)),
    "DepthwiseConv2dNative is not converted": lambda x: tf.nn.depthwise_conv2d(
        x[None, None], normal((1, 1, 3, 4)), [1, 1, 1, 1], "SAME"
    ),
    "Conv3D is not converted": lambda x: tf.nn.conv3d(
        x[None, None, None], normal((1, 1, 1, 3, 4)), [1] * 5, "SAME"
    ),
    "Conv2DBackpropInput is not converted": lambda x: tf.nn.conv2d_transpose(
        x[None, None], normal((1, 1, 4, 3)), [1, 1, 2, 4], 1, "SAME"
    ),
    "SparseTensorDenseMatMul is not converted": lambda x: tf.sparse.sparse_dense_matmul(
        tf.sparse.from_dense(x), tf.constant(W)
    ),
    "its Einsum sums over an axis of one factor alone": lambda x: tf.einsum("ab,bc->c", x, W),
}


@pytest.mark.parametrize("reason", UNMATCHED)
def test_says_why_a_product_stays(tmp_path, reason):
    layers, (unmatched,) = find(tmp_path, lambda x: {"y": UNMATCHED[reason](x)}, {"x": spec(2, 3)})
    assert not layers
    assert unmatched.reason == reason


@pytest.mark.parametrize("equation", ["abc,...cd->...abd", "ab...c,...cd->...abd"])
def test_an_axis_that_only_the_weights_have_stays(tmp_path, equation):
    """The weights' first axis, of size 1, becomes one more axis of the result."""
    _, (unmatched,) = find(
        tmp_path, lambda x: {"y": tf.einsum(equation, x, W[None])}, {"x": spec(None, 2, 3)}
    )
    assert unmatched.reason == "its weights are a batch of matrices"


def test_products_inside_loops_are_found(tmp_path):
    square = tf.Variable(normal((3, 3)), name="inner/kernel")

    def function(x):
        return {"y": tf.while_loop(lambda i, _: i < 3, lambda i, v: (i + 1, v @ square), (0, x))[1]}

    example = read(tmp_path, function, X, [square])
    layers, unmatched = find_dense_layers(example.view)
    assert not layers and not unmatched
    (body,) = [body for (_, slot), body in example.graph.bodies.items() if slot == "body"]
    (layer,), _ = find_dense_layers(Views(example.state).of(body))
    assert layer.name == "inner"
    np.testing.assert_array_equal(layer.weights.matrix(), square.numpy().T)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_batch_of_matrices_times_one_matrix(tmp_path, transposed):
    weights = W.T.copy() if transposed else W

    def function(x):
        product = tf.raw_ops.BatchMatMulV2(x=x, y=weights, adj_x=False, adj_y=transposed)
        return {"y": tf.nn.relu(product + B)}

    (layer,), _ = find(tmp_path, function, {"x": spec(None, 7, 3)})
    np.testing.assert_array_equal(layer.weights.matrix(), W.T)
    np.testing.assert_array_equal(layer.bias, B)
    assert layer.activation == "relu"
    assert layer.rows(10) == 70


def test_layers_that_share_weights_say_so(tmp_path):
    shared = tf.Variable(W, name="tied/kernel")

    def function(x, z):
        return {"y": x @ shared, "z": z @ shared, "t": tf.matmul(x @ W, shared, transpose_b=True)}

    view = view_of(tmp_path, function, X | {"z": spec(None, 3)}, [shared])
    layers, _ = find_dense_layers(view)
    tied = [layer for layer in layers if layer.name == "tied"]
    assert len(tied) == 3 and len(layers) == 4
    assert len({layer.weights.identity for layer in tied}) == 2


@pytest.mark.parametrize(
    ("shape", "rows"), [((None, 3), 32), ((5, 3), 5), ((None, 7, 3), 224), ((2, None, 3), 2)]
)
def test_counts_rows(tmp_path, shape, rows):
    (layer,), _ = find(tmp_path, lambda x: {"y": tf.matmul(x, W)}, {"x": spec(*shape)})
    assert layer.rows(32) == rows


def _norm(x, epsilon=1e-3):
    mean, variance, gamma, beta = (normal((4,), seed) for seed in (5, 6, 7, 8))
    return tf.nn.batch_normalization(x, mean, variance**2, beta, gamma, epsilon)


EINSUMS = {
    "last axis": ("abc,cd->abd", (None, 5, 3), (3, 4), 1, (4,), None, None),
    "ellipsis": ("...c,cd->...d", (None, 5, 3), (3, 4), 1, (4,), None, None),
    "heads": ("abc,cde->abde", (None, None, 3), (3, 2, 4), 1, (2, 4), None, None),
    "from heads": ("btnh,nhd->btd", (None, None, 2, 3), (2, 3, 4), 2, (4,), None, None),
    "weights first": ("xy,qrx->qry", (3, 2), (5, 4, 3), None, None, None, None),
    "kernel transposed": ("abc,dc->abd", (None, 5, 3), (4, 3), 1, (4,), None, None),
    "middle axis": ("abc,bd->adc", (None, 5, 3), (5, 4), 1, (4,), (0, 2, 1), (0, 2, 1)),
}


@pytest.mark.parametrize("case", EINSUMS)
def test_an_einsum_by_a_constant_is_a_product(tmp_path, case):
    equation, x_shape, w_shape, x_axes, y_axes, x_order, y_order = EINSUMS[case]
    weights = normal(w_shape, 3)

    def function(x):
        return {"y": tf.einsum(equation, x, weights)}

    (layer,), unmatched = find(tmp_path, function, {"x": spec(*x_shape)})
    assert not unmatched
    if case == "weights first":
        assert layer.x_order == (1, 0)
        return
    assert (layer.x_axes, layer.y_axes) == (x_axes, y_axes)
    assert (layer.x_order, layer.y_order) == (x_order, y_order)


NORMS = {
    "behind": lambda x: _norm(x @ W),
    "behind a bias": lambda x: _norm(x @ W + B),
    "scale only": lambda x: (x @ W) * normal((4,), 9),
    "divided": lambda x: (x @ W + B) / (2.0 + normal((4,), 9) ** 2),
    "subtracted": lambda x: (x @ W) - B,
    "subtracted from": lambda x: B - (x @ W),
    "before": lambda x: (x * normal((3,), 2) + normal((3,), 3)) @ W,
}


@pytest.mark.parametrize("case", NORMS)
def test_scales_and_shifts_become_weights_and_bias(tmp_path, case):
    function = NORMS[case]
    (layer,), _ = find(tmp_path, lambda x: {"y": tf.nn.relu(function(x))})
    x = normal((6, 3), 4)
    own = x @ layer.weights.matrix().T + (0 if layer.bias is None else layer.bias)
    expected = tf.nn.relu(function(tf.constant(x))).numpy()
    np.testing.assert_allclose(np.maximum(own, 0), expected, rtol=1e-5, atol=1e-5)
    assert layer.activation == "relu"
    assert layer.x == "x:0"


def test_a_large_shift_before_a_product_stays(tmp_path):
    (layer,), _ = find(tmp_path, lambda x: {"y": (x - 1000.0) @ W})
    assert layer.bias is None and layer.x != "x:0"


def test_a_shift_is_large_beside_what_is_left(tmp_path):
    """10 is large for inputs that differ by thousandths."""
    (layer,), _ = find(tmp_path, lambda x: {"y": ((x - 10.0) / 0.001) @ W})
    assert layer.bias is None and layer.x != "x:0"
    np.testing.assert_allclose(layer.weights.matrix(), 1000 * W.T, rtol=1e-6)


SPREAD = np.array([1.0, 0.01, 1.0], np.float32)
ROUNDED = {
    "inputs of different magnitudes": (lambda x: x / SPREAD, False),
    "a shift": (lambda x: x - 8.0, False),
    "inputs of like magnitudes": (lambda x: x / (SPREAD + 1.0) - 0.5, True),
    "one scale": (lambda x: x / 1000.0, True),
}


@pytest.mark.parametrize("case", ROUNDED)
def test_rounded_activations_are_those_that_lose_least(tmp_path, case):
    """Eight bits hold what Keras's `Normalization` gives, and not what it is given."""
    before, folded = ROUNDED[case]
    view = view_of(tmp_path, lambda x: {"y": before(x) @ W}, X)
    (exact,), _ = find_dense_layers(view)
    (rounded,), _ = find_dense_layers(view, rounded=True)
    assert exact.x == "x:0"
    assert (rounded.x == "x:0") == folded


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_is_found_with_what_follows(tmp_path, dtype):
    def function(x):
        hidden = tf.cast(x, dtype) @ tf.cast(W, dtype) + tf.cast(B, dtype)
        return {"y": tf.cast(tf.nn.gelu(hidden), tf.float32)}

    (layer,), _ = find(tmp_path, function)
    assert layer.dtype == dtype and layer.fused == ("bias", "gelu")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bias_that_is_not_finite_is_a_problem(tmp_path, bad):
    bias = B.copy()
    bias[1] = bad
    (layer,), _ = find(tmp_path, lambda x: {"y": x @ W + bias})
    assert layer.problem == "its bias holds NaN or Inf"


def test_a_layer_in_a_function_of_its_own_keeps_its_bias(tmp_path):
    """Its nodes are inlined, behind those of the layer that reads it."""
    inner = tf.function(lambda x: x @ W + B)

    def function(x):
        return {"y": inner(x) @ np.eye(W.shape[1], dtype=np.float32) + 1.0}

    (one, two), _ = find(tmp_path, function, {"x": spec(None, W.shape[0])})
    np.testing.assert_array_equal(one.bias, B)
    np.testing.assert_array_equal(two.bias, np.ones(W.shape[1]))
