"""Inputs and outputs that are spread over several axes: the bits of one axis each."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.ops import block_sparse_matmul, quantized_block_sparse_matmul

from .helpers import (
    BFLOAT16,
    bits,
    float_arguments,
    float_weights,
    int8_arguments,
    int8_weights,
    raw_float,
    raw_int8,
    sparse,
    tensor_arguments,
)
from .test_chain import SIZES, float_chain, float_layers, int8_chain, int8_layers

K, N = 30, 42
BLOCK = (4, 2)
# Axes of the rows, of the inputs, of the outputs.
AXES = [
    ((5,), (30,), (42,)),
    ((5,), (5, 6), (42,)),
    ((2, 3), (30,), (6, 7)),
    ((2, 3), (2, 3, 5), (2, 3, 7)),
    ((97,), (1, 30, 1), (1, 42, 1)),
    ((1,), (1,) * 7 + (30,), (1,) * 7 + (42,)),
    ((0,), (5, 6), (6, 7)),
    ((3, 0, 2), (5, 6), (6, 7)),
]


def product(kind, x, **changes):
    """Of each kind of weights, the same for each call."""
    rng = np.random.default_rng(4)
    if kind == "int8":
        return raw_int8(x, **int8_arguments(int8_weights(rng, N, K, BLOCK), BLOCK, **changes))
    dtype = np.float32 if kind == "fp32" else BFLOAT16
    weights = float_weights(rng, N, K, BLOCK).astype(dtype)
    return raw_float(x, **tensor_arguments(weights, BLOCK, **changes))


@pytest.mark.parametrize("with_residual", [False, True])
@pytest.mark.parametrize(("rows", "x_axes", "y_axes"), AXES, ids=str)
@pytest.mark.parametrize("kind", ["fp32", "bf16", "int8"])
def test_equal_to_one_axis(kind, rows, x_axes, y_axes, with_residual):
    rng = np.random.default_rng(5)
    count = int(np.prod(rows))
    x = rng.standard_normal((count, K)).astype(np.float32)
    residual = rng.standard_normal((count, N) if with_residual else 0).astype(np.float32)
    shaped = residual.reshape(*rows, *y_axes) if with_residual else residual
    y = product(
        kind,
        x.reshape(*rows, *x_axes),
        residual=shaped,
        inputs=K,
        x_axes=len(x_axes),
        y_axes=y_axes,
    )
    assert y.shape == (*rows, *y_axes)
    expected = product(kind, x, residual=residual).numpy()
    np.testing.assert_array_equal(bits(y).reshape(count, N), bits(expected))


@pytest.mark.parametrize("rows", [0, 1, 70])
@pytest.mark.parametrize(
    ("chain", "layers"), [(float_chain, float_layers), (int8_chain, int8_layers)]
)
def test_axes_of_a_chain_are_those_of_its_ends(chain, layers, rows):
    x = np.random.default_rng(6).standard_normal((rows, SIZES[0])).astype(np.float32)
    axes = {"inputs": SIZES[0], "x_axes": 3, "y_axes": [1, SIZES[-1]]}
    y = chain(x.reshape(rows, 2, 1, SIZES[0] // 2), layers(), **axes)
    assert y.shape == (rows, 1, SIZES[-1])
    np.testing.assert_array_equal(bits(y)[:, 0], bits(chain(x, layers())))


def test_an_einsum_is_one_call():
    rng = np.random.default_rng(7)
    kernel = rng.standard_normal((4, 8, 3, 5)).astype(np.float32)
    x = rng.standard_normal((2, 7, 4, 8)).astype(np.float32)
    weights = sparse(kernel.reshape(32, 15).T, (1, 1))
    y = block_sparse_matmul(x, weights, x_axes=(4, 8), y_axes=(3, 5))
    np.testing.assert_array_equal(y, block_sparse_matmul(x, weights, x_axes=2, y_axes=(3, 5)))
    np.testing.assert_allclose(y, np.einsum("abcd,cdef->abef", x, kernel), rtol=1e-5, atol=1e-5)


def refused(match):
    return pytest.raises(tf.errors.InvalidArgumentError, match=match)


DEPTH = {
    "too deep": ((2, 300), {}, r"30 inputs in its last axis. Received: shape=\[2,300\]"),
    "not deep enough": ((2, 28), {}, r"30 inputs in its last axis. Received: shape=\[2,28\]"),
    "no depth": ((2, 0), {}, r"30 inputs in its last axis. Received: shape=\[2,0\]"),
    "no rows": ((0, 28), {}, r"30 inputs in its last axis. Received: shape=\[0,28\]"),
    "axes that hold more": ((2, 5, 7), {"x_axes": 2}, r"30 inputs in its last 2 axes.*\[2,5,7\]"),
    "one axis of two": ((2, 5, 6), {}, r"30 inputs in its last axis. Received: shape=\[2,5,6\]"),
    "no axis of rows": ((5, 6), {"x_axes": 2}, r"`x` should have rank 3 or more.*\[5,6\]"),
    "a scalar": ((), {}, r"`x` should have rank 2 or more.*shape=\[\]"),
    "a product beyond 64 bits": (
        (0, 2**40, 2**40),
        {"x_axes": 2},
        r"should fit in 64 bits. Received: shape=\[0,1099511627776,1099511627776\]",
    ),
    "inputs negative": ((2, K), {"inputs": -5}, r"`inputs` should be at least 0.*inputs=-5"),
    "x_axes 0": ((2, K), {"x_axes": 0}, r"`x_axes` should be from 1 to 8. Received: x_axes=0"),
    "x_axes 9": ((2,) * 10, {"x_axes": 9}, r"`x_axes` should be from 1 to 8"),
    "x_axes least": ((2, K), {"x_axes": -(2**63)}, r"`x_axes` should be from 1 to 8"),
    "axes of other sizes": (
        (2, 5, 6),
        {"x_axes": 2, "x_sizes": [6, 5]},
        r"`x` should have the inputs in axes of the sizes \[6,5\]. Received: shape=\[2,5,6\]",
    ),
    "axes of other sizes, and no rows": ((0, 5, 6), {"x_axes": 2, "x_sizes": [3, 10]}, r"\[3,10\]"),
    "x_sizes too small": (
        (2, 5, 6),
        {"x_axes": 2, "x_sizes": [5, 5]},
        r"`x_sizes` should hold inputs=30 in x_axes=2 axes. Received: x_sizes=\[5,5\]",
    ),
    "x_sizes of one axis": ((2, 5, 6), {"x_axes": 2, "x_sizes": [30]}, r"in x_axes=2 axes.*\[30\]"),
    "x_sizes negative": ((2, 5, 6), {"x_axes": 2, "x_sizes": [-5, -6]}, r"x_sizes=\[-5,-6\]"),
    "x_sizes that overflow to 30": (
        (2, 5, 6),
        {"x_axes": 2, "x_sizes": [2**62 + 15, 2]},
        r"`x_sizes` should hold inputs=30",
    ),
    "y_axes too small": ((2, K), {"y_axes": [6, 6]}, r"`y_axes` should hold units=42.*\[6,6\]"),
    "y_axes of 0": ((2, K), {"y_axes": [42, 0]}, r"`y_axes` should hold units=42.*\[42,0\]"),
    "y_axes negative": ((2, K), {"y_axes": [-6, -7]}, r"`y_axes` should hold.*\[-6,-7\]"),
    "too many y_axes": ((2, K), {"y_axes": [1] * 8 + [42]}, r"`y_axes`.* at most 8.*Received: 9"),
    "very many y_axes": ((2, K), {"y_axes": [1] * 300 + [42]}, r"at most 8.*Received: 301"),
    "y_axes that overflow to 42": (
        (2, K),
        {"y_axes": [2**63 - 1, 2, -21]},
        r"`y_axes` should hold units=42",
    ),
    "residual of one axis": (
        (2, K),
        {"y_axes": [6, 7], "residual": np.zeros((2, N), np.float32)},
        r"`residual` should have y's shape, \[2,6,7\].*shape=\[2,42\]",
    ),
}


@pytest.mark.parametrize("case", DEPTH)
@pytest.mark.parametrize("kind", ["fp32", "bf16", "int8"])
def test_refused(kind, case):
    shape, changes, message = DEPTH[case]
    with refused(message):
        product(kind, tf.zeros(shape), **{"inputs": K} | changes)


@pytest.mark.parametrize("inputs", [0, 19, 21])
def test_a_chain_refuses_another_depth(inputs):
    x = np.ones((4, inputs), np.float32)
    for chain, layers in ((float_chain, float_layers), (int8_chain, int8_layers)):
        with refused(
            rf"`x` should have 20 inputs in its last axis. Received: shape=\[4,{inputs}\]"
        ):
            chain(x, layers(), inputs=20)


def test_python_functions_know_the_depth():
    """A prefix of the weights would do for 24 inputs where none is stored behind it."""
    dense = np.zeros((8, 30), np.float32)
    dense[:, :4] = 1
    for x in (tf.ones((2, 24)), tf.ones((2, 36))):
        with refused("`x` should have 30 inputs"):
            block_sparse_matmul(x, sparse(dense, (4, 2)))
        with refused("`x` should have 30 inputs"):
            weights = sparse(dense.astype(np.int8), (4, 2))
            quantized_block_sparse_matmul(x, 0.5, 3, weights, np.ones(8))


def test_without_a_depth_it_is_that_of_x():
    """Files of older versions do not say it: they serve on as they did."""
    dense = np.zeros((8, 30), np.float32)
    dense[:, :4] = 1
    y = raw_float(tf.ones((2, 24)), **float_arguments(dense, (4, 2)))
    assert (y.numpy() == 4).all()


def test_results_of_more_axes_than_tensorflow_counts_are_refused():
    """In a graph as well, where its optimizers would end the process."""
    x = tf.reshape(tf.ones((K,)), [1] * 252 + [K])  # an axis less than it takes itself
    most = {"y_axes": [6, 7]}
    function = tf.function(lambda x: product("fp32", x, **most), autograph=False)
    assert function(x).shape.rank == 254
    more = {"y_axes": [1, 6, 7]}
    function = tf.function(lambda x: product("fp32", x, **more), autograph=False)
    with pytest.raises(ValueError, match=r"at most 254 axes. Received: 255"):
        function(x)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Too many dimensions"):
        product("fp32", x, **more)
