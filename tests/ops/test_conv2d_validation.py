"""Whatever a graph says of a convolution is checked; the error says what was wrong."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

from .helpers import sparse

X = np.ones((1, 5, 6, 4), np.float32)
HUGE = 2**62
NONE = np.zeros(0, np.float32)


def arguments(**changes):
    w = sparse(np.ones((8, 3 * 3 * 4), np.float32), (4, 1))
    return {
        "x": X,
        "data": w.data,
        "indices": w.indices,
        "indptr": w.indptr,
        "bias": NONE,
        "residual": NONE,
        "filters": 8,
        "kernel_size": [3, 3],
    } | changes


def int8_arguments(**changes):
    floats = arguments()
    return (
        floats
        | {
            "data": floats["data"].astype(np.int8),
            "x_scale": 0.5,
            "x_zero_point": 3,
            "w_scale": np.ones(8, np.float32),
            "residual_scale": 1.0,
            "residual_zero_point": 0,
            "y_scale": 1.0,
            "y_zero_point": 0,
            "Tout": tf.uint8,
        }
        | changes
    )


def in_a_graph(op, values, **changed):
    """Runs an op whose shape function sees nothing but ranks."""

    @tf.function
    def call(x):
        return op(**values | changed | {"x": x})

    spec = tf.TensorSpec([None] * X.ndim, tf.as_dtype(X.dtype))
    return call.get_concrete_function(spec)(tf.constant(X))


BROKEN = {
    "no filters": {"filters": 0},
    "huge filters": {"filters": HUGE},
    "kernel of one size": {"kernel_size": [3]},
    "kernel of three": {"kernel_size": [3, 3, 3]},
    "strides of one": {"strides": [1]},
    "dilations of none": {"dilations": []},
    "paddings of two": {"paddings": [1, 1]},
    **{
        f"{name} {values}": {name: values}
        for value in (0, -1, -HUGE, HUGE, 2**31, 2**63 - 1, -(2**63))
        for name, values in (
            ("kernel_size", [value, 3]),
            ("kernel_size", [3, value]),
            ("strides", [value, 1]),
            ("strides", [1, value]),
            ("dilations", [value, 1]),
            ("dilations", [1, value]),
        )
    },
    **{
        f"paddings {value} at {place}": {"paddings": [value if i == place else 0 for i in range(4)]}
        for value in (-1, -HUGE, HUGE, 2**31, 2**63 - 1)
        for place in range(4)
    },
    "huge everything": {
        "kernel_size": [2**31 - 1] * 2,
        "dilations": [2**31 - 1] * 2,
        "paddings": [2**31 - 1] * 4,
    },
    "pixels beyond 64 bits": {"kernel_size": [1, 1], "paddings": [2**31 - 1] * 4},
    "huge kernel and SAME": {
        "kernel_size": [2**31 - 1] * 2,
        "dilations": [2**31 - 1] * 2,
        "padding": "SAME",
    },
    "paddings beside SAME": {"paddings": [1, 0, 0, 0], "padding": "SAME"},
    "unknown padding": {"padding": "VALID"},
    "kernel larger than the image": {"kernel_size": [9, 3]},
    "dilated beyond the image": {"dilations": [9, 1]},
    **{f"groups {groups}": {"groups": groups} for groups in (0, -1, 3, HUGE, -HUGE)},
    "groups that blocks straddle": {"groups": 4},
    "negative inputs": {"inputs": -1},
    "other inputs": {"inputs": 5},
    "another kernel": {"kernel_size": [3, 2]},
    "residual of another shape": {"residual": np.zeros((1, 5, 6, 8), np.float32)},
    "residual in a row": {"residual": np.zeros(3 * 4 * 8, np.float32)},
    "bias too short": {"bias": np.zeros(7, np.float32)},
    "bias not finite": {"bias": np.full(8, np.nan, np.float32)},
    "indptr of other filters": {"filters": 16},
}
QUANTIZED = {
    "residual_scale 0": {"residual_scale": 0.0},
    "residual_scale nan": {"residual_scale": np.nan},
    "residual_scale of rank 1": {"residual_scale": [1.0]},
    "residual_zero_point 256": {"residual_zero_point": 256},
    "residual_zero_point -1": {"residual_zero_point": -1},
    "x_zero_point 256": {"x_zero_point": 256},
    "y_scale inf": {"y_scale": np.inf},
    "w_scale too short": {"w_scale": np.ones(7, np.float32)},
}


@pytest.mark.parametrize("name", BROKEN)
def test_invalid_arguments(name):
    """In eager mode, and where a shape function has not seen the sizes."""
    conv, quantized = (
        ops.load().tfsparse_block_sparse_conv2d,
        ops.load().tfsparse_quantized_block_sparse_conv2d,
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        conv(**arguments(**BROKEN[name]))
    with pytest.raises(tf.errors.InvalidArgumentError):
        quantized(**int8_arguments(**BROKEN[name]))
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        in_a_graph(conv, arguments(), **BROKEN[name])


@pytest.mark.parametrize("name", QUANTIZED)
def test_invalid_quantization(name):
    residual = np.zeros((1, 3, 4, 8), np.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError):
        ops.load().tfsparse_quantized_block_sparse_conv2d(
            **int8_arguments(residual=residual, **QUANTIZED[name])
        )


@pytest.mark.parametrize("shape", [(), (4,), (5, 6, 4), (1, 1, 5, 6, 4)])
def test_x_of_another_rank(shape):
    with pytest.raises(tf.errors.InvalidArgumentError, match="rank 4"):
        ops.load().tfsparse_block_sparse_conv2d(**arguments(x=np.ones(shape, np.float32)))


def test_valid_arguments():
    """What the broken ones are made from."""
    assert ops.load().tfsparse_block_sparse_conv2d(**arguments()).shape == (1, 3, 4, 8)
    assert ops.load().tfsparse_quantized_block_sparse_conv2d(**int8_arguments()).shape[-1] == 8
