"""The float op with bfloat16 weights: the exact product of the rounded operands, nearly."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import BlockSparseMatrix, block_sparse_matmul

from .helpers import PATTERNS, SHAPES, bf16_weights, float_bound, float_weights, rounded, sparse

# Blocks of an even and of an odd width are kernels of their own.
BLOCKS = [*PATTERNS, (16, 2), (8, 1), (6, 3)]


def check(x, weights, block, bias=None, activation="linear"):
    y = block_sparse_matmul(tf.constant(x), sparse(weights, block), bias, activation).numpy()
    dense, seen = weights.astype(np.float32), rounded(x)
    shift = 0.0 if bias is None else bias
    exact = seen.astype(np.float64) @ dense.T.astype(np.float64) + shift
    if activation == "relu":
        exact = np.maximum(exact, 0)
    assert y.dtype == np.float32
    bound = float_bound(seen, dense, shift)
    assert (np.abs(y - exact) <= bound).all(), np.max(np.abs(y - exact) - bound)
    return y


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_product_of_the_rounded_operands(block, shape):
    m, k, n = shape
    rng = np.random.default_rng([*shape, *block])
    x = rng.standard_normal((m, k)).astype(np.float32)
    weights = bf16_weights(rng, n, k, block)
    bias = rng.standard_normal(n).astype(np.float32)
    check(x, weights, block)
    check(x, weights, block, bias)
    check(x, weights, block, bias, "relu")


@pytest.mark.parametrize("block", [(16, 4), (4, 1)], ids=str)
def test_near_the_product_of_the_floats(block):
    """Two roundings of at most 2^-8 for each product, by which bfloat16 differs from float32."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 300)).astype(np.float32)
    dense = float_weights(rng, 64, 300, block)
    weights = sparse(dense.astype(tf.bfloat16.as_numpy_dtype), block)
    y = block_sparse_matmul(tf.constant(x), weights).numpy()
    magnitudes = np.abs(x).astype(np.float64) @ np.abs(dense.T)
    error = np.abs(y - x.astype(np.float64) @ dense.T)
    assert (error <= (2 * 2.0**-8 + 2.0**-16) * magnitudes + float_bound(x, dense)).all()
    assert error.max() > 2.0**-12 * magnitudes.max()  # it was rounded


@pytest.mark.parametrize("rows", [1, 3, 8, 40])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.finfo(np.float32).max], ids=str)
@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_what_is_not_finite_once_rounded_meets_the_zeros_too(block, value, rows):
    rng = np.random.default_rng(5)
    weights = bf16_weights(rng, 37, 29, block)
    x = rng.standard_normal((rows, 29)).astype(np.float32)
    x[0, [3, 28]] = value
    y = block_sparse_matmul(tf.constant(x), sparse(weights, block)).numpy()
    expected = tf.matmul(rounded(x), weights.astype(np.float32).T).numpy()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    infinite = np.isinf(expected)
    np.testing.assert_array_equal(y[infinite], expected[infinite])
    assert np.isfinite(y[1:]).all()


def test_a_graph_keeps_weights_of_half_the_size():
    rng = np.random.default_rng(6)
    weights = sparse(bf16_weights(rng, 64, 64, (16, 4), share=1.0), (16, 4))
    assert weights.data.nbytes == 64 * 64 * 2
    x = tf.constant(rng.standard_normal((20, 64)), tf.float32)

    @tf.function
    def call(x):
        return block_sparse_matmul(x, weights)

    (node,) = [
        node
        for node in call.get_concrete_function(x).graph.as_graph_def().node
        if node.op == "Tfsparse>BlockSparseMatMul"
    ]
    assert node.attr["T"].type == tf.bfloat16.as_datatype_enum
    np.testing.assert_array_equal(call(x), block_sparse_matmul(x, weights))


def test_bad_weights_are_errors():
    weights = sparse(bf16_weights(np.random.default_rng(7), 8, 6, (4, 2), share=1.0), (4, 2))
    bad = BlockSparseMatrix(weights.data, weights.indices + 1, weights.indptr, weights.shape)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`indices` should be in \[0, 3\)"):
        block_sparse_matmul(tf.ones((2, 6)), bad)
    half = BlockSparseMatrix(
        weights.data.astype(np.float16), weights.indices, weights.indptr, weights.shape
    )
    with pytest.raises(
        (tf.errors.InvalidArgumentError, TypeError), match="allowed values: float, bfloat16"
    ):
        block_sparse_matmul(tf.ones((2, 6)), half)
