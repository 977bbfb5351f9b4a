"""Packed weights are kept from call to call, and never outlive the weights they were made of.

Each test is a way in which other weights can come to look like those that were packed: the same
memory, the same bytes, the same op.
"""

import time

import numpy as np
import pytest
import tensorflow as tf

from .helpers import (
    bits,
    float_arguments,
    float_weights,
    int8_arguments,
    int8_model,
    int8_weights,
    raw_float,
    raw_int8,
    sparse,
)

X = np.random.default_rng(0).standard_normal((5, 16)).astype(np.float32)
# More than any reasonable number of weights that one op keeps.
MANY = 40


def dense_of(seed):
    """A full matrix, so that all seeds give arrays of the same shapes and indices."""
    return float_weights(np.random.default_rng(seed), 12, 16, (4, 1), share=1.0)


def assert_product(y, dense, x=X):
    np.testing.assert_allclose(y, x @ dense.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("array", ["data", "indices", "indptr"])
def test_numpy_array_written_in_place(array):
    """Eager TensorFlow may share the memory of an aligned NumPy array."""
    changed = {
        "data": lambda values: np.negative(values, out=values),
        "indices": lambda values: np.copyto(values, [2, 3, 0, 1]),
        "indptr": lambda values: np.copyto(values, [0, 1, 4]),
    }[array]
    arrays = {
        "data": aligned(np.arange(1, 17, dtype=np.float32).reshape(4, 4, 1)),
        "indices": aligned(np.array([0, 1, 2, 3], np.int32)),
        "indptr": aligned(np.array([0, 2, 4], np.int32)),
    }
    none = np.zeros(0, np.float32)
    arguments = {"bias": none, "residual": none, "units": 8}
    before = raw_float(tf.constant(X), **arrays, **arguments).numpy()
    changed(arrays[array])
    after = raw_float(tf.constant(X), **arrays, **arguments).numpy()
    fresh = raw_float(
        tf.constant(X), **{k: tf.constant(v.copy()) for k, v in arrays.items()}, **arguments
    )
    np.testing.assert_array_equal(after, fresh)
    assert not np.array_equal(after, before)


def aligned(array):
    """A copy that begins on a cache line, as TensorFlow asks of memory that it shares."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def test_eager_tensor_over_numpy_memory_written_in_place():
    """The very same tensor object, its memory changed from outside."""
    weights = sparse(dense_of(1), (4, 1))
    memory = aligned(weights.data)
    data = tf.experimental.dlpack.from_dlpack(memory.__dlpack__())
    assert np.shares_memory(np.asarray(data), memory), "a copy: nothing would be tested"
    arguments = float_arguments(dense_of(1), (4, 1), data=data)
    assert_product(raw_float(X, **arguments), dense_of(1))
    memory[...] = sparse(dense_of(2), (4, 1)).data
    assert_product(raw_float(X, **arguments), dense_of(2))


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "tf.function"])
def test_variable_assigned_between_calls(compiled):
    variable = tf.Variable(sparse(dense_of(0), (4, 1)).data)
    arguments = float_arguments(dense_of(0), (4, 1))

    def call():
        return raw_float(X, **arguments | {"data": variable})

    call = tf.function(call, autograph=False) if compiled else call
    for seed in range(5):
        variable.assign(sparse(dense_of(seed), (4, 1)).data)
        assert_product(call(), dense_of(seed))
        variable.assign_add(variable)
        assert_product(call(), 2 * dense_of(seed))
        variable.scatter_nd_update([[0, 0, 0]], [7.0])
        changed = 2 * dense_of(seed)
        changed[0, 0] = 7
        assert_product(call(), changed)


@pytest.mark.parametrize("constant", [False, True], ids=["compared", "const"])
def test_memory_freed_and_used_again(constant):
    """Many weights one after another, of which the allocator puts some at the same address."""
    addresses, again = set(), 0
    for seed in range(20_000):
        arguments = {
            name: tf.constant(value) if isinstance(value, np.ndarray) else value
            for name, value in float_arguments(
                dense_of(seed), (4, 1), is_weight_const=constant
            ).items()
        }
        address = np.asarray(arguments["data"]).ctypes.data
        again += address in addresses
        addresses.add(address)
        assert_product(raw_float(X, **arguments), dense_of(seed))
        del arguments
        if again == 20:
            break
    assert again, "no memory was used twice, so nothing was tested"


def test_two_functions_with_weights_of_their_own():
    def make(dense, constant):
        arguments = float_arguments(dense, (4, 1), is_weight_const=constant)
        return tf.function(lambda x: raw_float(x, **arguments), autograph=False)

    for constant in (False, True):
        first, second = make(dense_of(1), constant), make(dense_of(2), constant)
        for _ in range(3):
            assert_product(first(tf.constant(X)), dense_of(1))
            assert_product(second(tf.constant(X)), dense_of(2))


def test_two_graphs_and_sessions():
    for seed in (1, 2):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            arguments = float_arguments(dense_of(seed), (4, 1), is_weight_const=True)
            y = raw_float(tf.constant(X), **arguments)
            assert_product(session.run(y), dense_of(seed))
            assert_product(session.run(y), dense_of(seed))


@pytest.mark.parametrize("constant", [False, True], ids=["compared", "const"])
def test_more_weights_than_are_kept(constant):
    tensors = [
        {
            name: tf.constant(value) if isinstance(value, np.ndarray) else value
            for name, value in float_arguments(
                dense_of(seed), (4, 1), is_weight_const=constant
            ).items()
        }
        for seed in range(MANY)
    ]
    order = np.random.default_rng(1).integers(0, MANY, 4 * MANY)
    for seed in [*range(MANY), *reversed(range(MANY)), *order]:
        assert_product(raw_float(X, **tensors[seed]), dense_of(seed))


def test_equal_bytes_in_blocks_of_another_shape():
    """One memory read as two blocks of 4x2, of 2x4 and of 8x1: three matrices."""
    values = np.arange(1, 17, dtype=np.float32)
    for block in 2 * [(4, 2), (2, 4), (8, 1)]:
        blocks = values.reshape(2, *block)
        dense = np.hstack(list(blocks))
        x = X[:, : dense.shape[1]]
        y = raw_float(
            tf.constant(x),
            data=blocks,
            indices=np.array([0, 1], np.int32),
            indptr=np.array([0, 2], np.int32),
            bias=np.zeros(0, np.float32),
            residual=np.zeros(0, np.float32),
            units=block[0],
        )
        assert_product(y, dense, x)


@pytest.mark.parametrize("constant", [False, True], ids=["compared", "const"])
def test_the_same_arrays_with_other_units_or_inputs(constant):
    """The last block sticks out more or less; the arrays are the same tensors."""
    dense = dense_of(3)
    arguments = {
        name: tf.constant(value) if isinstance(value, np.ndarray) else value
        for name, value in float_arguments(dense, (4, 4), is_weight_const=constant).items()
    }
    for _ in range(2):
        for units in (12, 11, 9):
            for inputs in (16, 15, 13):
                y = raw_float(X[:, :inputs], **arguments | {"units": units})
                assert_product(y, dense[:units, :inputs], X[:, :inputs])


def test_other_scales_and_bias_with_the_same_weights():
    """Only the weights are kept; all else is read at every call."""
    rng = np.random.default_rng(4)
    dense = int8_weights(rng, 12, 16, (4, 1))
    arguments = int8_arguments(dense, (4, 1))
    x = rng.integers(0, 256, (5, 16), dtype=np.uint8)
    for zero_point, scale in [(3, 0.5), (200, 0.5), (200, 0.25)]:
        w_scale = rng.uniform(0.1, 1, 12).astype(np.float32)
        bias = rng.standard_normal(12).astype(np.float32)
        changes = {"x_scale": scale, "x_zero_point": zero_point, "w_scale": w_scale, "bias": bias}
        y = raw_int8(tf.constant(x), **arguments | changes).numpy()
        expected = int8_model(x, scale, zero_point, dense, w_scale, bias)
        np.testing.assert_array_equal(bits(y), bits(expected))


def test_known_weights_are_not_packed_again():
    """One row by weights that the op knows, and by as many as it cannot keep.

    Packing reads and writes every weight, multiplying one row by them only reads them: without
    the keeping both would take the same time. The least of many times is free of other load.
    """
    dense = float_weights(np.random.default_rng(5), 1024, 1024, (4, 1), share=0.5)
    arguments = float_arguments(dense, (4, 1), is_weight_const=True)
    x = tf.ones((1, 1024))
    weights = [
        {name: tf.constant(arguments[name].copy()) for name in ("data", "indices", "indptr")}
        for _ in range(MANY)
    ]

    def least_seconds(choices):
        times = []
        for choice in choices:
            start = time.perf_counter()
            raw_float(x, **arguments | choice).numpy()
            times.append(time.perf_counter() - start)
        return min(times)

    known = least_seconds([weights[0]] * MANY)
    new = least_seconds(weights[1:] * 2)
    assert 2 * known < new, (known, new)
