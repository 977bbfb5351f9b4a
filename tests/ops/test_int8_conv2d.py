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
    """Each in the order that custom_ops/engine/sparse_layer.h defines."""
    case = CASES[name]
    rng, dense, w_scale, bias = int8_case(case)
    x = rng.integers(0, 256, case.images, dtype=np.uint8)
    sums = case.sums(x, 119, dense)
    x_scale, scale, y_scale = (np.float32(value) for value in (0.021, 0.05, 0.02))
    unit = np.float32(1) / y_scale
    plain = fma(sums, x_scale * w_scale, bias)
    added = rng.integers(0, 256, plain.shape, dtype=np.uint8)
    floats = rng.standard_normal(plain.shape).astype(np.float32)

    def result(residual, dtype):
        return quantized_block_sparse_conv2d(
            tf.constant(x), 0.021, 119, sparse(dense, case.block), w_scale, case.kernel, bias,
            "relu", dtype, 0.02, 60, residual, 0.05, 100, **case.window,
        ).numpy()  # fmt: skip

    expected = np.maximum(fma(added.astype(np.float32) - 100, scale, plain), 0)
    np.testing.assert_array_equal(bits(result(added, tf.float32)), bits(expected))
    shift = bias * unit + np.float32(-100) * (scale * unit)
    folded = fma(sums, x_scale * w_scale * unit, shift)
    folded = np.maximum(fma(added.astype(np.float32), scale * unit, folded), 0)
    np.testing.assert_array_equal(result(added, tf.uint8), quantize(folded, 1, 60))
    expected = np.maximum(plain + floats, 0)
    np.testing.assert_array_equal(bits(result(floats, tf.float32)), bits(expected))
    np.testing.assert_array_equal(result(floats, tf.uint8), quantize(expected, unit, 60))


def test_padding_is_the_zero_point():
    """An image of zero points has a result of biases, at its edges too."""
    case = CASES["taps"]
    _, dense, w_scale, bias = int8_case(case)
    x = tf.fill(case.images, tf.constant(119, tf.uint8))
    y = quantized_block_sparse_conv2d(
        x, 0.021, 119, sparse(dense, case.block), w_scale, case.kernel, bias, **case.window
    ).numpy()
    np.testing.assert_array_equal(y, np.broadcast_to(bias, y.shape))
