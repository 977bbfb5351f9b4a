import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.matching import find_dense_layers

from .helpers import normal, spec, view_of

W = normal((3, 4))
B = normal((4,), 1)
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
    np.testing.assert_array_equal(layer.weights, expected.T)
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


def test_an_output_is_not_drawn_in(tmp_path):
    def function(x):
        product = x @ W
        return {"y": tf.nn.relu(product), "product": product}

    (layer,), _ = find(tmp_path, function)
    assert op_of(layer, tmp_path, function) == "MatMul"


def test_a_square_bias_for_columns_is_not_a_bias_for_rows(tmp_path):
    square = normal((3, 3))
    column = normal((3, 1))
    inputs = {"x": spec(3, 3)}
    (layer,), _ = find(tmp_path, lambda x: {"y": x @ square + column}, inputs)
    assert layer.bias is None


UNMATCHED = {
    "its weights are not constant": lambda x: x @ tf.transpose(x),
    "its weights are on the left": lambda x: tf.matmul(W, x, transpose_a=True, transpose_b=True),
    "its activations are transposed": lambda x: tf.matmul(x, normal((2, 4)), transpose_a=True),
    "it computes in float16, not float32": lambda x: tf.cast(x, tf.float16) @ W.astype(np.float16),
    "it computes in float64, not float32": lambda x: tf.cast(x, tf.float64) @ W.astype(np.float64),
    "its weights hold NaN or Inf": lambda x: x @ (W * np.float32("nan")),
    "its weights are empty": lambda x: x @ W[:, :0],
    "its weights are not a matrix": lambda x: tf.matmul(x[None], normal((2, 3, 4))),
    "Conv2D is not converted": lambda x: tf.nn.conv2d(
        x[None, None], normal((1, 1, 3, 4)), 1, "SAME"
    ),
    "Einsum is not converted": lambda x: tf.einsum("ab,bc->ca", x, W),
}


@pytest.mark.parametrize("reason", UNMATCHED)
def test_says_why_a_product_stays(tmp_path, reason):
    layers, (unmatched,) = find(tmp_path, lambda x: {"y": UNMATCHED[reason](x)}, {"x": spec(2, 3)})
    assert not layers
    assert unmatched.reason == reason


def test_products_inside_loops_are_named(tmp_path):
    square = normal((3, 3))

    def function(x):
        return {"y": tf.while_loop(lambda i, _: i < 3, lambda i, v: (i + 1, v @ square), (0, x))[1]}

    layers, (unmatched,) = find(tmp_path, function)
    assert not layers
    assert unmatched.reason == "it is inside a loop or branch"


@pytest.mark.parametrize("transposed", [False, True])
def test_a_batch_of_matrices_times_one_matrix(tmp_path, transposed):
    weights = W.T.copy() if transposed else W

    def function(x):
        product = tf.raw_ops.BatchMatMulV2(x=x, y=weights, adj_x=False, adj_y=transposed)
        return {"y": tf.nn.relu(product + B)}

    (layer,), _ = find(tmp_path, function, {"x": spec(None, 7, 3)})
    np.testing.assert_array_equal(layer.weights, W.T)
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
    assert len({layer.weights_id for layer in tied}) == 2


@pytest.mark.parametrize(
    ("shape", "rows"), [((None, 3), 32), ((5, 3), 5), ((None, 7, 3), 224), ((2, None, 3), 2)]
)
def test_counts_rows(tmp_path, shape, rows):
    (layer,), _ = find(tmp_path, lambda x: {"y": tf.matmul(x, W)}, {"x": spec(*shape)})
    assert layer.rows(32) == rows
