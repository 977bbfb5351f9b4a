from typing import get_args

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import BlockPattern, ops
from tfsparse.conversion.activations import ActivationName
from tfsparse.conversion.standard_ops import (
    ACTIVATIONS,
    dense,
    measured_range,
    through_bfloat16,
    through_uint8,
)
from tfsparse.ops import BlockSparseMatrix

from .helpers import blocky, float_bound, nodes, normal, read, spec

W = blocky(10, 12, (4, 2), keep=0.5)
B = normal((10,), 1)
BLOCK = BlockPattern(4, 2)


def op_range(x):
    return [value.numpy() for value in ops.load().tfsparse_activation_range(x=x)]


@pytest.mark.parametrize(
    "x",
    [
        normal((7, 5)),
        np.abs(normal((3,))),
        -np.abs(normal((3,))),
        np.float32([np.inf, -np.inf, np.nan, 2, -3]),
        np.float32([np.nan]),
        np.float32([3e38, -3e38]),
        np.float32([1e-38, -1e-39]),
        np.zeros((2, 3), np.float32),
        np.zeros((0, 4), np.float32),
    ],
    ids=str,
)
def test_a_range_is_that_of_the_op(x):
    ops.load()
    found = [float(value) for value in measured_range(tf.constant(x))]
    assert found == [float(value) for value in op_range(x)]


@pytest.mark.parametrize("zero_point", [0, 7, 255])
def test_activations_are_read_as_the_op_reads_them(zero_point):
    """By an op that hands them on: weights 1, and a result in uint8 steps of the same size."""
    halves = np.arange(-300, 300, dtype=np.float32) / 4
    x = np.concatenate([halves, np.float32([np.inf, -np.inf, np.nan, 1e30])])[:, None]
    one = BlockSparseMatrix.from_dense(np.ones((1, 1), np.int8), BlockPattern(1, 1))
    expected = ops.quantized_block_sparse_matmul(tf.constant(x), 0.5, zero_point, one, np.ones(1))
    found = through_uint8(tf.constant(x), tf.constant(0.5), tf.constant(float(zero_point)))
    np.testing.assert_array_equal(found, expected)


def test_bfloat16_is_rounded_as_the_op_rounds_it():
    x = np.concatenate([normal((500,)), np.float32([np.inf, -np.inf, 3.4e38, 1e-30])])[:, None]
    one = np.ones((1, 1), tf.bfloat16.as_numpy_dtype)
    weights = BlockSparseMatrix.from_dense(one, BlockPattern(1, 1))
    expected = ops.block_sparse_matmul(tf.constant(x), weights)
    np.testing.assert_array_equal(through_bfloat16(tf.constant(x)), expected)
    assert np.isnan(through_bfloat16(tf.constant([np.nan]))).all()


def test_every_activation_of_our_ops_is_there():
    assert list(ACTIVATIONS) == list(get_args(ActivationName))


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("residual", [False, True])
def test_a_layer_is_that_of_the_op(activation, residual):
    x, added = normal((3, 5, 12), 2), normal((3, 5, 10), 3) if residual else None
    weights = BlockSparseMatrix.from_dense(W, BLOCK)
    expected = ops.block_sparse_matmul(x, weights, B, activation, added)
    found = dense(tf.constant(x), tf.constant(W.T), B, added, activation, 1, (10,))
    np.testing.assert_allclose(found, expected, atol=float_bound(x, W.T) + 1e-6)


@pytest.mark.parametrize(
    "shape", [(6, 12), (6, 3, 4), (2, 3, 12), (2, 3, 2, 6), (0, 12), (1, 0, 12)]
)
@pytest.mark.parametrize("y_axes", [(10,), (2, 5)])
def test_inputs_and_outputs_over_several_axes(shape, y_axes):
    x_axes = 1 if shape[-1] == 12 else 2
    x = normal(shape, 4)
    expected = ops.block_sparse_matmul(
        x, BlockSparseMatrix.from_dense(W, BLOCK), x_axes=x_axes, y_axes=y_axes
    )
    found = dense(tf.constant(x), tf.constant(W.T), None, None, "linear", x_axes, y_axes)
    assert found.shape == expected.shape
    bound = float_bound(x, W.T) if x.size else 0
    np.testing.assert_allclose(found, expected, atol=bound)


def test_another_width_is_an_error_and_no_answer():
    for shape in [(2, 18), (12, 6), (6, 24)]:
        with pytest.raises(tf.errors.InvalidArgumentError):
            dense(tf.zeros((*shape[:1], 1, shape[1])), tf.constant(W.T), B, None, "relu", 1, (10,))


def test_tensorflow_can_fuse_bias_and_activation(tmp_path):
    """They follow the product at once, with no reshape between."""

    def function(x):
        return {"y": dense(x, tf.constant(W.T), B, None, "relu", 1, (10,))}

    view = read(tmp_path, function, {"x": spec(None, 3, 12)}).view
    (product,) = nodes(view.graph, "MatMul")
    bias = view.sole_reader(f"{product.name}:0").node
    assert bias.op == "BiasAdd"
    assert view.sole_reader(f"{bias.name}:0").node.op == "Relu"
