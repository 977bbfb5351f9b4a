"""The float convolution beside the exact one and TensorFlow's, with weights of both types."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import block_sparse_conv2d

from .conv_cases import CASES, ConvCase
from .helpers import BFLOAT16, NON_FINITE, float_bound, kinds, rounded, sparse


def exact(case, x, dense, bias):
    """The convolution in float64, and how far float32 may be from it."""
    patches = case.patches(x, 0)
    parts = np.split(dense, case.groups)
    shifts = np.split(bias, case.groups)
    results = [
        patches[..., g, :].astype(np.float64) @ parts[g].T.astype(np.float64) + shifts[g]
        for g in range(case.groups)
    ]
    bounds = [float_bound(patches[..., g, :], parts[g], shifts[g]) for g in range(case.groups)]
    return np.concatenate(results, -1), np.concatenate(bounds, -1)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, BFLOAT16], ids=["float", "bfloat16"])
def test_the_exact_convolution_nearly(name, dtype):
    case = CASES[name]
    rng = case.rng()
    dense = case.float_weights(rng).astype(dtype)
    x = rng.standard_normal(case.images).astype(np.float32)
    bias = rng.standard_normal(case.filters).astype(np.float32)
    y = block_sparse_conv2d(
        tf.constant(x), sparse(dense, case.block), case.kernel, bias, **case.window
    )
    seen = x if dtype == np.float32 else rounded(x)
    expected, bound = exact(case, seen, dense.astype(np.float32), bias)
    assert y.shape == expected.shape
    assert (np.abs(y.numpy() - expected) <= bound).all()


# TensorFlow with oneDNN gives x back where the result is empty, whatever its shape.
@pytest.mark.parametrize("name", sorted(CASES.keys() - {"no images", "empty result"}))
def test_tensorflows_convolution(name):
    case = CASES[name]
    rng = case.rng()
    dense = case.float_weights(rng)
    x = rng.standard_normal(case.images).astype(np.float32)
    expected = case.dense(x, dense)
    residual = rng.standard_normal(expected.shape).astype(np.float32)
    y = block_sparse_conv2d(
        tf.constant(x), sparse(dense, case.block), case.kernel, None, "relu", residual,
        **case.window,
    )  # fmt: skip
    np.testing.assert_allclose(y, np.maximum(expected + residual, 0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", NON_FINITE, ids=str)
@pytest.mark.parametrize("name", ["stem", "taps", "groups", "strided pointwise", "few pixels"])
def test_non_finite_values_end_up_where_tensorflow_puts_them(name, value):
    case = CASES[name]
    rng = case.rng()
    dense = case.float_weights(rng)
    x = rng.standard_normal(case.images).astype(np.float32)
    x.flat[rng.integers(0, x.size, 3)] = value
    y = block_sparse_conv2d(tf.constant(x), sparse(dense, case.block), case.kernel, **case.window)
    np.testing.assert_array_equal(kinds(y), kinds(case.dense(x, dense)))


def test_open_sizes_pad_to_same():
    case = CASES["rows of taps"]
    rng = case.rng()
    dense = case.float_weights(rng)
    weights = sparse(dense, case.block)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 16])])
    def call(x):
        return block_sparse_conv2d(x, weights, case.kernel, **case.window)

    assert call.get_concrete_function().output_shapes.as_list() == [None, None, None, 33]
    for size in ((9, 8), (4, 7), (1, 2)):
        sized = ConvCase((2, *size, 16), case.kernel, 33, case.block, case.strides)
        x = rng.standard_normal(sized.images).astype(np.float32)
        np.testing.assert_allclose(call(x), sized.dense(x, dense), rtol=1e-4, atol=1e-4)


def test_shapes_are_known_before_the_call():
    for case in CASES.values():
        weights = sparse(np.ones((case.filters, case.inputs), np.float32), case.block)

        @tf.function
        def call(x, case=case, weights=weights):
            return block_sparse_conv2d(x, weights, case.kernel, **case.window)

        known = call.get_concrete_function(tf.TensorSpec(case.images)).output_shapes
        assert known == call(tf.ones(case.images)).shape


def test_no_channels_leave_the_bias():
    weights = sparse(np.zeros((4, 0), np.float32), (2, 1))
    y = block_sparse_conv2d(tf.ones((1, 3, 3, 0)), weights, (2, 2), np.float32([1, 2, 3, 4]))
    np.testing.assert_array_equal(y, np.broadcast_to(np.float32([1, 2, 3, 4]), (1, 2, 2, 4)))


def test_an_unknown_padding_is_an_error():
    weights = sparse(np.ones((4, 4), np.float32), (2, 1))
    for padding in ("FULL", ((1, 1),), ((1, 1), (1,))):
        with pytest.raises(ValueError, match=r"`padding` should be 'VALID'.*Received: padding="):
            block_sparse_conv2d(tf.ones((1, 3, 3, 4)), weights, (1, 1), padding=padding)
