"""What TensorFlow knows of the ops before they run: shapes, gradients, attributes."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import block_sparse_matmul, load, quantized_block_sparse_matmul

from .helpers import float_arguments, int8_arguments, raw_float, raw_int8, sparse

FLOAT = float_arguments(np.ones((8, 6), np.float32), (4, 2))
INT8 = int8_arguments(np.ones((8, 6), np.int8), (4, 2))


def shape_in_graph(op, x_shape, arguments, dtype=tf.float32):
    with tf.Graph().as_default():
        y = op(tf.compat.v1.placeholder(dtype, x_shape), **arguments)
        return y.shape.as_list() if y.shape.rank is not None else None


@pytest.mark.parametrize(("op", "arguments"), [(raw_float, FLOAT), (raw_int8, INT8)])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([3, 6], [3, 8]),
        ([None, 6], [None, 8]),
        ([None, None], [None, 8]),
        ([None, 5, None, 6], [None, 5, None, 8]),
        ([0, 6], [0, 8]),
        (None, None),
    ],
)
def test_shape(op, arguments, x, y):
    assert shape_in_graph(op, x, arguments) == y


@pytest.mark.parametrize(("op", "arguments"), [(raw_float, FLOAT), (raw_int8, INT8)])
@pytest.mark.parametrize(
    ("x_axes", "y_axes", "x", "y"),
    [
        (2, [8], [3, 2, 3], [3, 8]),
        (2, [2, 4], [None, 5, 2, 3], [None, 5, 2, 4]),
        (2, [2, 4], [None, 5, None, None], [None, 5, 2, 4]),
        (2, [2, 4], [None, 5, 2, None], [None, 5, 2, 4]),
        (3, [2, 1, 4], [7, 1, 2, 3], [7, 2, 1, 4]),
        (1, [2, 4], [0, 6], [0, 2, 4]),
        (1, [2, 4], [None, None], [None, 2, 4]),
        (2, [2, 4], None, None),
    ],
)
def test_shape_of_several_axes(op, arguments, x_axes, y_axes, x, y):
    arguments = arguments | {"inputs": 6, "x_axes": x_axes, "y_axes": y_axes}
    assert shape_in_graph(op, x, arguments) == y


@pytest.mark.parametrize(("op", "arguments"), [(raw_float, FLOAT), (raw_int8, INT8)])
@pytest.mark.parametrize(
    ("changes", "x", "message"),
    [
        ({}, [2, 300], r"`x` should have 6 inputs in its last axis. Received: shape=\[2,300\]"),
        ({}, [None, 5], r"`x` should have 6 inputs in its last axis. Received: shape=\[\?,5\]"),
        ({}, [2, 0], r"`x` should have 6 inputs"),
        ({"x_axes": 2}, [2, 3, 3], r"6 inputs in its last 2 axes. Received: shape=\[2,3,3\]"),
        ({"x_axes": 2}, [2, 6], r"Shape must be at least rank 3 but is rank 2"),
        ({"x_axes": 3}, [None, 2**40, 2**40, 6], r"6 inputs in its last 3 axes"),
        ({"x_axes": 2, "inputs": 2**63 - 1}, [1, 2, 3], r"9223372036854775807 inputs"),
        ({"inputs": -1}, [2, 6], r"`inputs` should be at least 0. Received: inputs=-1"),
        ({"x_axes": 0}, [2, 6], r"`x_axes` should be from 1 to 8. Received: x_axes=0"),
        ({"x_axes": 9}, [2, 6], r"`x_axes` should be from 1 to 8. Received: x_axes=9"),
        ({"x_axes": -(2**63)}, [2, 6], r"`x_axes` should be from 1 to 8"),
        (
            {"x_axes": 2, "x_sizes": [2, 3]},
            [None, 3, 2],
            r"sizes \[2,3\]. Received: shape=\[\?,3,2\]",
        ),
        ({"x_axes": 2, "x_sizes": [2, 3]}, [None, 3, None], r"sizes \[2,3\]. Received"),
        ({"x_axes": 2, "x_sizes": [2, 2]}, [None, 2, 3], r"`x_sizes` should hold inputs=6"),
        ({"y_axes": [2, 3]}, [2, 6], r"`y_axes` should hold units=8.*y_axes=\[2,3\]"),
        ({"y_axes": [-2, -4]}, [2, 6], r"`y_axes` should hold.*y_axes=\[-2,-4\]"),
        ({"y_axes": [8, 0]}, [2, 6], r"`y_axes` should hold.*y_axes=\[8,0\]"),
        ({"y_axes": [2**32, 2**32, 8]}, [2, 6], r"`y_axes` should hold units=8"),
    ],
)
def test_a_wrong_depth_or_axis_fails_while_the_graph_is_built(op, arguments, changes, x, message):
    with pytest.raises(ValueError, match=message):
        shape_in_graph(op, x, arguments | {"inputs": 6} | changes)


def test_an_unknown_depth_is_that_of_x():
    """Files of older versions do not say it."""
    assert shape_in_graph(raw_float, [2, 300], FLOAT) == [2, 8]


def test_dtype_of_quantized_results():
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.uint8, [None, 6])
        assert raw_int8(x, **INT8).dtype == tf.float32
        assert raw_int8(x, **INT8 | {"Tout": tf.uint8}).dtype == tf.uint8


def test_a_shape_that_is_known_late_is_inferred_all_the_same():
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def call(x):
        return raw_float(x, **FLOAT)

    assert call(tf.ones((2, 3, 6))).shape == (2, 3, 8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`x` should have rank 2 or more"):
        call(tf.ones(6))


@pytest.mark.parametrize(
    ("op", "arguments", "name", "value", "rank"),
    [
        (op, arguments, name, np.zeros(shape, dtype), rank)
        for op, arguments, data in [(raw_float, FLOAT, np.float32), (raw_int8, INT8, np.int8)]
        for name, shape, dtype, rank in [
            ("data", (5, 8), data, 3),
            ("indices", (1, 5), np.int32, 1),
            ("indptr", (), np.int32, 1),
            ("bias", (1, 8), np.float32, 1),
        ]
    ]
    + [
        (raw_int8, INT8, name, np.zeros(shape, dtype), rank)
        for name, shape, dtype, rank in [
            ("w_scale", (), np.float32, 1),
            ("x_scale", (1,), np.float32, 0),
            ("x_zero_point", (1,), np.int32, 0),
            ("y_scale", (1,), np.float32, 0),
            ("y_zero_point", (1,), np.int32, 0),
        ]
    ],
)
def test_a_wrong_rank_fails_while_the_graph_is_built(op, arguments, name, value, rank):
    with pytest.raises(ValueError, match=f"Shape must be rank {rank} but is rank {value.ndim}"):
        shape_in_graph(op, [None, 6], arguments | {name: value})


@pytest.mark.parametrize(("op", "arguments"), [(raw_float, FLOAT), (raw_int8, INT8)])
def test_a_vector_x_fails_while_the_graph_is_built(op, arguments):
    with pytest.raises(ValueError, match="Shape must be at least rank 2 but is rank 1"):
        shape_in_graph(op, [6], arguments)


@pytest.mark.parametrize(("op", "arguments"), [(raw_float, FLOAT), (raw_int8, INT8)])
def test_there_is_no_gradient_and_tensorflow_says_so(op, arguments):
    """The ops serve; to train, prune the Keras model. Better an error than a silent None."""
    x = tf.Variable(tf.ones((2, 6)))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(op(x, **arguments))
    with pytest.raises(LookupError, match="gradient registry has no entry for: Tfsparse>"):
        tape.gradient(y, x)


@pytest.mark.parametrize(
    "name", ["tfsparse_block_sparse_mat_mul", "tfsparse_quantized_block_sparse_mat_mul"]
)
def test_the_registered_op_documents_its_arguments(name):
    text = getattr(load(), name).__doc__
    for argument in ("indices", "indptr", "units", "is_weight_const"):
        assert f"{argument}: A" in text


def test_python_functions_and_raw_ops_agree():
    dense = np.random.default_rng(1).standard_normal((8, 6)).astype(np.float32)
    x, bias = tf.ones((2, 6)), np.arange(8, dtype=np.float32)
    np.testing.assert_array_equal(
        block_sparse_matmul(x, sparse(dense, (4, 2)), bias, "relu"),
        raw_float(x, **float_arguments(dense, (4, 2), bias=bias, activation="relu")),
    )
    dense = np.arange(48, dtype=np.int8).reshape(8, 6)
    y = quantized_block_sparse_matmul(
        x, 0.5, 3, sparse(dense, (4, 2)), np.ones(8), bias, "relu", tf.uint8, 2.0, 4
    )
    changes = {"bias": bias, "activation": "relu", "Tout": tf.uint8}
    arguments = int8_arguments(dense, (4, 2), y_scale=2.0, y_zero_point=4, **changes)
    np.testing.assert_array_equal(y, raw_int8(x, **arguments))
