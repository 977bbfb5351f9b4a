"""NaN and infinity in float activations end up where the dense op puts them."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import block_sparse_matmul

from .helpers import (
    NON_FINITE,
    PATTERNS,
    float_weights,
    int8_arguments,
    int8_weights,
    kinds,
    raw_int8,
    sparse,
)


def check(x, dense, block, relu):
    bias = np.linspace(-1, 1, dense.shape[0]).astype(np.float32)
    expected = tf.matmul(x, dense.T) + bias
    expected = (tf.nn.relu(expected) if relu else expected).numpy()
    activation = "relu" if relu else "linear"
    y = block_sparse_matmul(tf.constant(x), sparse(dense, block), bias, activation).numpy()
    np.testing.assert_array_equal(kinds(y), kinds(expected))
    finite = np.isfinite(expected)
    np.testing.assert_allclose(y[finite], expected[finite], rtol=1e-4, atol=1e-4)
    return y


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("value", NON_FINITE, ids=str)
@pytest.mark.parametrize("block", PATTERNS, ids=str)
def test_one_element(block, value, relu):
    rng = np.random.default_rng(1)
    dense = float_weights(rng, 70, 50, block)
    for row, column in ((0, 0), (16, 49), (32, 17)):
        x = rng.standard_normal((33, 50)).astype(np.float32)
        x[row, column] = value
        y = check(x, dense, block, relu)
        assert np.isfinite(np.delete(y, row, axis=0)).all()


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("block", [(4, 1), (16, 4), (5, 3)], ids=str)
def test_several_elements_in_a_row(block, relu):
    rng = np.random.default_rng(2)
    dense = float_weights(rng, 37, 29, block, share=0.6)
    x = rng.standard_normal((40, 29)).astype(np.float32)
    hits = rng.random(x.shape) < 0.05
    x[hits] = rng.choice(np.array(NON_FINITE, np.float32), hits.sum())
    check(x, dense, block, relu)


@pytest.mark.parametrize("value", NON_FINITE, ids=str)
def test_zero_that_is_not_stored_times_infinity(value):
    """0 * inf is NaN, also where the sparse format has no 0 to multiply by."""
    dense = np.zeros((4, 8), np.float32)
    dense[1, 2] = 1.0
    x = np.zeros((1, 8), np.float32)
    x[0, 2] = value
    y = check(x, dense, (1, 1), relu=False)
    assert np.isnan(y[0, [0, 2, 3]]).all()


def test_sums_that_overflow():
    dense = np.full((3, 4), 3e38, np.float32)
    check(np.full((2, 4), 10, np.float32), dense, (1, 1), relu=False)
    check(np.full((2, 4), -10, np.float32), dense, (1, 1), relu=True)


@pytest.mark.parametrize("value", NON_FINITE, ids=str)
def test_in_a_stored_weight(value):
    dense = float_weights(np.random.default_rng(3), 12, 12, (4, 1), share=1.0)
    dense[5, 7] = value
    x = np.random.default_rng(4).standard_normal((5, 12)).astype(np.float32)
    y = check(x, dense, (4, 1), relu=False)
    assert np.isfinite(np.delete(y, 5, axis=1)).all()


@pytest.mark.parametrize("rows", [1, 40])
@pytest.mark.parametrize("value", NON_FINITE, ids=str)
def test_int8_reads_the_ends_of_the_range(value, rows):
    """NaN the lower one, as the README says."""
    arguments = int8_arguments(int8_weights(np.random.default_rng(5), 12, 30, (4, 1)), (4, 1))
    low = -arguments["x_scale"] * arguments["x_zero_point"]
    end = low + 255 * arguments["x_scale"] if value == np.inf else low
    x = np.random.default_rng(6).uniform(low, 0, (rows, 30)).astype(np.float32)
    expected = x.copy()
    x[-1, ::3] = value
    expected[-1, ::3] = end
    y = raw_int8(tf.constant(x), **arguments).numpy()
    np.testing.assert_array_equal(y, raw_int8(tf.constant(expected), **arguments).numpy())
    assert np.isfinite(y).all()
