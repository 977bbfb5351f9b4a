"""The float op against TensorFlow's dense one, and both against the exact product."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import block_sparse_matmul

from .helpers import PATTERNS, SHAPES, bits, float_bound, float_weights, sparse


def check(x, dense, block, bias=None, activation="linear"):
    y = block_sparse_matmul(tf.constant(x), sparse(dense, block), bias, activation).numpy()
    shift = 0.0 if bias is None else bias
    exact = x.astype(np.float64) @ dense.T.astype(np.float64) + shift
    oracle = tf.matmul(x, dense.T) + shift
    if activation == "relu":
        exact, oracle = np.maximum(exact, 0), tf.nn.relu(oracle)
    assert y.dtype == np.float32
    assert y.shape == oracle.shape
    bound = float_bound(x, dense, shift)
    assert (np.abs(y - exact) <= bound).all(), np.max(np.abs(y - exact) - bound)
    assert (np.abs(y - oracle.numpy()) <= 2 * bound).all()
    return y


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("block", PATTERNS, ids=str)
def test_like_tensorflow(block, shape):
    m, k, n = shape
    rng = np.random.default_rng([*shape, *block])
    x = rng.standard_normal((m, k)).astype(np.float32)
    dense = float_weights(rng, n, k, block)
    bias = rng.standard_normal(n).astype(np.float32)
    check(x, dense, block)
    check(x, dense, block, bias)
    y = check(x, dense, block, bias, "relu")
    assert (y >= 0).all()


@pytest.mark.parametrize("block", [(4, 1), (16, 4), (5, 3)], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.02, 1.0])
def test_sparsities(block, share):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 100)).astype(np.float32)
    check(x, float_weights(rng, 90, 100, block, share), block, np.ones(90, np.float32))


def test_deep_sums():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3, 20_000)).astype(np.float32)
    check(x, float_weights(rng, 9, 20_000, (4, 1)), (4, 1))


@pytest.mark.parametrize("leading", [(2, 3), (2, 1, 5), (1, 1, 1), (0, 3), (2, 0, 4)], ids=str)
def test_leading_dimensions_are_batches(leading):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((*leading, 20)).astype(np.float32)
    weights = sparse(float_weights(rng, 12, 20, (4, 1)), (4, 1))
    y = block_sparse_matmul(tf.constant(x), weights)
    assert y.shape == (*leading, 12)
    flat = block_sparse_matmul(tf.constant(x.reshape(-1, 20)), weights)
    np.testing.assert_array_equal(y.numpy().reshape(-1, 12), flat)


def test_an_empty_batch_gives_an_empty_result():
    weights = sparse(float_weights(np.random.default_rng(6), 12, 20, (4, 1)), (4, 1))
    y = block_sparse_matmul(tf.zeros((0, 20)), weights, np.ones(12, np.float32))
    assert y.shape == (0, 12)
    assert y.dtype == tf.float32


@pytest.mark.parametrize("block", [(4, 1), (16, 4)], ids=str)
def test_no_inputs_leave_the_bias(block):
    bias = np.array([1.5, -2, 0], np.float32)
    weights = sparse(np.zeros((3, 0), np.float32), block)
    y = block_sparse_matmul(tf.zeros((5, 0)), weights, bias)
    np.testing.assert_array_equal(y, np.tile(bias, (5, 1)))
    y = block_sparse_matmul(tf.zeros((5, 0)), weights, bias, "relu")
    np.testing.assert_array_equal(y, np.tile(np.maximum(bias, 0), (5, 1)))


@pytest.mark.parametrize("block", PATTERNS, ids=str)
def test_no_stored_blocks_leave_the_bias(block):
    rng = np.random.default_rng(7)
    bias = rng.standard_normal(70).astype(np.float32)
    x = tf.constant(rng.standard_normal((18, 90)), tf.float32)
    y = block_sparse_matmul(x, sparse(np.zeros((70, 90), np.float32), block), bias)
    np.testing.assert_array_equal(y, np.tile(bias, (18, 1)))


def test_a_row_of_many_does_not_depend_on_the_rows_beside_it():
    rng = np.random.default_rng(8)
    x = rng.standard_normal((70, 50)).astype(np.float32)
    weights = sparse(float_weights(rng, 33, 50, (4, 1)), (4, 1))
    whole = block_sparse_matmul(tf.constant(x), weights).numpy()
    for first in (0, 15, 16, 61):
        part = block_sparse_matmul(tf.constant(x[first : first + 9]), weights).numpy()
        np.testing.assert_array_equal(bits(part), bits(whole[first : first + 9]))


@pytest.mark.parametrize("block", [(16, 4), (4, 1), (2, 1), (1, 1)])
def test_few_rows_differ_from_many_in_the_order_of_their_sums_only(block):
    rng = np.random.default_rng(8)
    x = rng.standard_normal((70, 50)).astype(np.float32)
    dense = float_weights(rng, 33, 50, block)
    whole = block_sparse_matmul(tf.constant(x), sparse(dense, block)).numpy()
    # One rounding for each product and each addition, in either order.
    bound = 2 * 52 * np.finfo(np.float32).eps * (np.abs(x) @ np.abs(dense).T)
    for rows in range(1, 9):
        few = block_sparse_matmul(tf.constant(x[:rows]), sparse(dense, block)).numpy()
        assert np.all(np.abs(few - whole[:rows]) <= bound[:rows])


def test_padding_of_a_block_is_ignored_whatever_it_holds():
    rng = np.random.default_rng(9)
    dense = float_weights(rng, 5, 7, (4, 4), share=1.0)
    weights = sparse(dense, (4, 4))
    poisoned = weights.data.copy()
    poisoned[weights.indices == 1, :, 3:] = np.nan  # input 7
    poisoned[weights.indptr[1] :, 1:, :] = np.nan  # outputs 5, 6, 7
    x = tf.constant(rng.standard_normal((6, 7)), tf.float32)
    clean = block_sparse_matmul(x, weights).numpy()
    weights.data[...] = poisoned
    np.testing.assert_array_equal(bits(block_sparse_matmul(x, weights).numpy()), bits(clean))


EXACT = {
    "linear": lambda y: y,
    "relu": lambda y: np.maximum(y, 0),
    "relu6": lambda y: np.clip(y, 0, 6),
    "gelu": lambda y: tf.nn.gelu(y).numpy(),
    "gelu_tanh": lambda y: tf.nn.gelu(y, approximate=True).numpy(),
    "sigmoid": lambda y: tf.sigmoid(y).numpy(),
    "tanh": np.tanh,
    "silu": lambda y: tf.nn.silu(y).numpy(),
}


@pytest.mark.parametrize("activation", EXACT)
@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 40)], ids=str)
def test_activations_and_residual(activation, shape):
    """Against TensorFlow's function of the exact sum, in float64."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((*shape[:-1], 20)).astype(np.float32)
    dense = float_weights(rng, shape[-1], 20, (4, 1))
    bias = rng.standard_normal(shape[-1]).astype(np.float32)
    residual = 3 * rng.standard_normal(shape).astype(np.float32)
    for added in (None, residual):
        y = block_sparse_matmul(
            tf.constant(x), sparse(dense, (4, 1)), bias, activation, added
        ).numpy()
        exact = x.astype(np.float64) @ dense.T.astype(np.float64) + bias
        exact += 0 if added is None else added
        assert y.shape == shape
        np.testing.assert_allclose(y, EXACT[activation](exact), rtol=0, atol=2e-5)
