"""The int8 op against its definition in integers, bit for bit."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import quantized_block_sparse_matmul

from .helpers import PATTERNS, SHAPES, bits, fma, int8_model, int8_weights, quantize, sparse


def check(x, dense, block, w_scale, x_q=(0.03, 128), y_q=None, bias=None, relu=False):
    expected = int8_model(x, *x_q, dense, w_scale, bias, relu, y_q)
    y_scale, y_zero_point = y_q or (1.0, 0)
    y = quantized_block_sparse_matmul(
        tf.constant(x),
        *x_q,
        sparse(dense, block),
        w_scale,
        bias,
        "relu" if relu else "linear",
        tf.uint8 if y_q else tf.float32,
        y_scale,
        y_zero_point,
    ).numpy()
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(bits(y), bits(expected))
    return y


def scales(rng, n):
    return (10 ** rng.uniform(-4, -1, n)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("block", PATTERNS, ids=str)
def test_like_the_definition(block, shape):
    m, k, n = shape
    rng = np.random.default_rng([*shape, *block])
    dense, w_scale = int8_weights(rng, n, k, block), scales(rng, n)
    x8 = rng.integers(0, 256, (m, k), dtype=np.uint8)
    x32 = (3 * rng.standard_normal((m, k))).astype(np.float32)
    bias = rng.standard_normal(n).astype(np.float32)
    for x in (x8, x32):
        for y_q in (None, (0.7, 97)):
            check(x, dense, block, w_scale, y_q=y_q)
            check(x, dense, block, w_scale, (0.017, 31), y_q, bias, relu=True)


@pytest.mark.parametrize("x_zero_point", [0, 1, 255])
@pytest.mark.parametrize("y_zero_point", [0, 254, 255])
def test_zero_points_at_the_ends(x_zero_point, y_zero_point):
    rng = np.random.default_rng(1)
    dense, w_scale = int8_weights(rng, 37, 50, (4, 1)), scales(rng, 37)
    for x in (
        rng.integers(0, 256, (21, 50), dtype=np.uint8),
        rng.standard_normal((21, 50)).astype(np.float32),
    ):
        check(x, dense, (4, 1), w_scale, (0.02, x_zero_point), (0.9, y_zero_point))


@pytest.mark.parametrize("x_value", [0, 255])
@pytest.mark.parametrize("w_value", [-128, 127])
@pytest.mark.parametrize("block", [(16, 4), (4, 1), (1, 1)], ids=str)
def test_extreme_values_do_not_saturate_on_the_way(block, x_value, w_value):
    """255 * -128 * 4 leaves 16 bits, which is where older instructions saturate."""
    x = np.full((17, 1000), x_value, np.uint8)
    dense = np.full((20, 1000), w_value, np.int8)
    check(x, dense, block, np.ones(20, np.float32), (1.0, 255 - x_value))


def test_sums_are_exact_where_floats_are_not():
    """Odd sums beyond 2^24 are rounded once, at the end."""
    x = np.full((1, 2000), 255, np.uint8)
    x[0, 0] = 254
    dense = np.full((1, 2000), 127, np.int8)
    y = check(x, dense, (1, 1), np.ones(1, np.float32), (1.0, 0))
    assert y[0, 0] == np.float32(2000 * 255 * 127 - 127)


def test_quantizing_rounds_half_to_even_and_clamps():
    x = np.array([[-0.25, 0.25, 0.75, 1.25, 63.25, 63.75, 1e30, -1e30]], np.float32)
    dense = np.eye(8, dtype=np.int8)
    y = check(x, dense, (1, 1), np.ones(8, np.float32), (0.5, 128))
    expected = [0, 0, 1.0, 1.0, 63.0, 63.5, 63.5, -64.0]
    np.testing.assert_array_equal(y[0], expected)


def test_requantizing_rounds_half_to_even_and_clamps():
    x = np.arange(8, dtype=np.uint8)[None]
    dense = np.eye(8, dtype=np.int8)
    y = check(x, dense, (1, 1), np.ones(8, np.float32), (1.0, 0), (2.0, 10))
    assert y[0].tolist() == [10, 10, 11, 12, 12, 12, 13, 14]
    y = check(x, dense, (1, 1), np.full(8, 1e30, np.float32), (1.0, 4), (1e-3, 128))
    assert y[0].tolist() == [0, 0, 0, 0, 128, 255, 255, 255]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_what_is_no_number_is_clamped(value):
    """uint8 has no NaN: it becomes 0, an infinity the nearest end."""
    x = np.full((1, 1), value, np.float32)
    y = quantized_block_sparse_matmul(
        tf.constant(x), 1.0, 5, sparse(np.ones((1, 1), np.int8), (1, 1)), [1.0]
    ).numpy()
    assert y[0, 0] == (250 if value == np.inf else -5)


@pytest.mark.parametrize("leading", [(2, 3), (2, 1, 5), (0, 3), (2, 0, 4)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_leading_dimensions_are_batches(leading, dtype):
    rng = np.random.default_rng(5)
    dense = int8_weights(rng, 12, 20, (4, 4))
    x = rng.integers(0, 256, (*leading, 20)).astype(dtype)
    y = check(x, dense, (4, 4), scales(rng, 12), (0.5, 100), (3.0, 9))
    assert y.shape == (*leading, 12)


@pytest.mark.parametrize("y_q", [None, (0.25, 100)], ids=["float", "uint8"])
@pytest.mark.parametrize("block", [(4, 1), (16, 4)], ids=str)
def test_no_inputs_leave_the_bias(block, y_q):
    bias = np.array([1.5, -2, 0], np.float32)
    x = np.zeros((5, 0), np.uint8)
    check(x, np.zeros((3, 0), np.int8), block, np.ones(3), y_q=y_q, bias=bias)


@pytest.mark.parametrize("block", PATTERNS, ids=str)
def test_no_stored_blocks_leave_the_bias(block):
    rng = np.random.default_rng(7)
    bias = rng.standard_normal(70).astype(np.float32)
    x = rng.integers(0, 256, (18, 90), dtype=np.uint8)
    y = check(x, np.zeros((70, 90), np.int8), block, np.ones(70), bias=bias)
    np.testing.assert_array_equal(y, np.tile(bias, (18, 1)))


def test_a_chain_hands_over_what_it_would_requantize():
    """uint8 between two layers gives what float between them gives."""
    rng = np.random.default_rng(8)
    first, second = int8_weights(rng, 32, 24, (4, 1)), int8_weights(rng, 9, 32, (4, 4))
    x = rng.integers(0, 256, (19, 24), dtype=np.uint8)
    between = (0.125, 17)  # a power of two: dividing by it is exact
    w1, w2 = np.full(32, 2.0**-9, np.float32), scales(rng, 9)
    as_u8 = check(x, first, (4, 1), w1, (0.5, 100), between)
    as_float = check(x, first, (4, 1), w1, (0.5, 100))
    one = check(as_u8, second, (4, 4), w2, between)
    other = check(as_float, second, (4, 4), w2, between)
    np.testing.assert_array_equal(bits(one), bits(other))


# The model itself, where a slip would be repeated by every test above.


def test_model_fma_rounds_once():
    """1 + 2^-24 + 2^-60: above the tie between two floats, but in double just the tie."""
    e = np.float32(2.0**-12)
    a, b = 1 + e, (1 - e + e * e) * np.float32(2.0**-24)
    assert fma(a, b, np.float32(1)) == np.float32(1 + 2.0**-23)
    assert np.float32(np.float64(a) * np.float64(b) + 1.0) == 1
    assert fma(np.float32(2), np.float32(3), np.float32(4)) == 10


def test_model_quantize_rounds_half_to_even():
    assert quantize(np.float32([0.5, 1.5, 2.5, -0.5, 300]), 1, 10).tolist() == [10, 12, 12, 10, 255]


@pytest.mark.parametrize("activation", ["relu6", "gelu", "gelu_tanh", "sigmoid", "tanh", "silu"])
def test_activations_act_in_real_units(activation):
    """A uint8 result is the float result, quantized: not an activation of quantized sums.

    Where it comes from a table, which is not with a residual, it may be the next step.
    """
    rng = np.random.default_rng(11)
    dense = int8_weights(rng, 40, 64, (4, 4))
    x = tf.constant(rng.integers(0, 256, (19, 64), np.uint8))
    residual = rng.standard_normal((19, 40)).astype(np.float32)
    for added in (None, residual):
        arguments = (0.02, 100, sparse(dense, (4, 4)), np.full(40, 0.003), None, activation)
        y = quantized_block_sparse_matmul(x, *arguments, residual=added).numpy()
        q = quantized_block_sparse_matmul(x, *arguments, tf.uint8, 0.02, 60, residual=added).numpy()
        unit = np.float32(1) / np.float32(0.02)
        expected = np.clip(np.rint(y * unit) + 60, 0, 255)
        from_table = added is None and activation != "relu6"
        np.testing.assert_allclose(q, expected, rtol=0, atol=1 if from_table else 0)
        assert np.mean(q != expected) < (0.03 if from_table else 1e-9)
        assert len(np.unique(q)) > 20
