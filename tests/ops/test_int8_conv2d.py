"""The int8 convolution, to the last bit, beside integers and exact fma."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import quantized_block_sparse_conv2d

from .conv_cases import CASES, int8_case, int8_conv_model
from .helpers import bits, fma, quantize, sparse


@pytest.mark.parametrize("y", [None, (0.3, 77)], ids=["to float", "to uint8"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32], ids=["uint8", "float"])
@pytest.mark.parametrize("name", CASES)
def test_the_defined_bits(name, dtype, y):
    case = CASES[name]
    rng, dense, w_scale, bias = int8_case(case)
    x = rng.integers(0, 256, case.images, dtype=np.uint8)
    if dtype == np.float32:
        x = (2 * rng.standard_normal(case.images)).astype(dtype)
    result = quantized_block_sparse_conv2d(
        tf.constant(x), 0.021, 119, sparse(dense, case.block), w_scale, case.kernel, bias, "relu",
        tf.uint8 if y else tf.float32, *(y or ()), **case.window,
    ).numpy()  # fmt: skip
    np.testing.assert_array_equal(
        bits(result), bits(int8_conv_model(case, x, dense, w_scale, bias, y))
    )


@pytest.mark.parametrize("name", ["taps", "groups", "pointwise", "few pixels", "no images"])
def test_residuals(name):
    """A uint8 one is added by an fma with its scale, whatever is made of the sum."""
    case = CASES[name]
    rng, dense, w_scale, bias = int8_case(case)
    x = rng.integers(0, 256, case.images, dtype=np.uint8)
    arguments = (tf.constant(x), 0.021, 119, sparse(dense, case.block), w_scale, case.kernel, bias)
    plain = quantized_block_sparse_conv2d(*arguments, **case.window).numpy()
    added = rng.integers(0, 256, plain.shape, dtype=np.uint8)
    scaled = fma((added.astype(np.int32) - 100).astype(np.float32), np.float32(0.05), plain)
    floats = rng.standard_normal(plain.shape).astype(np.float32)
    for residual, total in ((added, scaled), (floats, plain + floats)):
        expected = np.maximum(total, np.float32(0))
        y, q = (
            quantized_block_sparse_conv2d(
                *arguments, "relu", dtype, 0.02, 60, residual, 0.05, 100, **case.window
            ).numpy()
            for dtype in (tf.float32, tf.uint8)
        )
        np.testing.assert_array_equal(bits(y), bits(expected))
        np.testing.assert_array_equal(q, quantize(expected, np.float32(1) / np.float32(0.02), 60))


def test_padding_is_the_zero_point():
    """An image of zero points has a result of biases, at its edges too."""
    case = CASES["taps"]
    _, dense, w_scale, bias = int8_case(case)
    x = tf.fill(case.images, tf.constant(119, tf.uint8))
    y = quantized_block_sparse_conv2d(
        x, 0.021, 119, sparse(dense, case.block), w_scale, case.kernel, bias, **case.window
    ).numpy()
    np.testing.assert_array_equal(y, np.broadcast_to(bias, y.shape))
