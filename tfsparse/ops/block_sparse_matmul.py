"""The matmuls as Python functions: thin wrappers of the registered ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfsparse.ops.block_sparse_matrix import BlockSparseMatrix
from tfsparse.ops.layer_arguments import layer_arguments
from tfsparse.ops.library import load


def _axes_of_x(axes: int | Sequence[int]) -> dict[str, Any]:
    """The attributes that say in which axes of x the inputs are."""
    if isinstance(axes, int):
        return {"x_axes": axes}
    return {"x_axes": len(axes), "x_sizes": list(axes)}


def block_sparse_matmul(
    x: tf.Tensor,
    weights: BlockSparseMatrix,
    bias: npt.ArrayLike | None = None,
    activation: str = "linear",
    residual: npt.ArrayLike | tf.Tensor | None = None,
    *,
    x_axes: int | Sequence[int] = 1,
    y_axes: Sequence[int] = (),
) -> tf.Tensor:
    """Multiplies float activations by block-sparse weights.

    ``y = activation(x @ W.T + bias + residual)``. Beside bfloat16 weights, `x` is rounded to
    bfloat16, to the nearest and half to even, and NaN stays NaN; products and sums are float32.
    What an activation computes is within
    3e-7 of its exact value, relative to the larger of 1 and its argument; GELU and SiLU are
    those of `Hendrycks and Gimpel <https://arxiv.org/abs/1606.08415>`_.

    Args:
        x: float32 tensor of shape ``(..., in)``, of one axis or more before those of the inputs.
        weights: float32 or bfloat16 matrix W of shape ``(out, in)``; its blocks may be 1 to
            64 by 1 to 64.
        bias: float32 of shape ``(out,)``, or None.
        activation: ``"linear"``, ``"relu"``, ``"relu6"``, ``"gelu"``, ``"gelu_tanh"``
            (GELU's approximation by tanh), ``"sigmoid"``, ``"tanh"`` or ``"silu"``.
        residual: float32 of the result's shape, added before the activation, or None.
        x_axes: How many axes at the end of `x` hold the inputs together, 1 to 8, or the sizes of
            these axes.
        y_axes: Sizes of the axes at the end of the result that hold the outputs together; none
            for a single axis.

    Returns:
        float32 tensor of shape ``(..., out)``, or ``(..., *y_axes)``.

    Raises:
        tf.errors.InvalidArgumentError: If shapes or indices do not fit together.

    Example:

    >>> from tfsparse import BlockPattern
    >>> dense = np.eye(4, dtype=np.float32)
    >>> weights = BlockSparseMatrix.from_dense(dense, BlockPattern(out=2, in_=1))
    >>> block_sparse_matmul(tf.constant([[1.0, -2.0, 3.0, 4.0]]), weights).numpy().tolist()
    [[1.0, -2.0, 3.0, 4.0]]

    Two heads of two inputs each, to heads likewise:

    >>> block_sparse_matmul(tf.ones((1, 2, 2)), weights, x_axes=(2, 2), y_axes=(2, 2)).shape
    TensorShape([1, 2, 2])
    """
    return load().tfsparse_block_sparse_mat_mul(
        x=x,
        # An array would be cast to the default type of the op.
        data=tf.convert_to_tensor(weights.data),
        units=weights.shape[0],
        inputs=weights.shape[1],
        **_axes_of_x(x_axes),
        y_axes=list(y_axes),
        **layer_arguments(weights, bias, residual, activation),
    )


def quantized_block_sparse_matmul(
    x: tf.Tensor,
    x_scale: float,
    x_zero_point: int,
    weights: BlockSparseMatrix,
    w_scale: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    activation: str = "linear",
    output_dtype: tf.DType = tf.float32,
    y_scale: float = 1.0,
    y_zero_point: int = 0,
    residual: npt.ArrayLike | tf.Tensor | None = None,
    *,
    x_axes: int | Sequence[int] = 1,
    y_axes: Sequence[int] = (),
) -> tf.Tensor:
    """Multiplies uint8 activations by block-sparse int8 weights.

    ``y = activation(x_scale * w_scale * ((x - x_zero_point) @ W.T) + bias + residual)``,
    the sums exact. A float32 `x` is quantized to ``round(x / x_scale) + x_zero_point`` in
    [0, 255] first, and a uint8 result likewise with `y_scale` and `y_zero_point`.

    Args:
        x: uint8 or float32 tensor of shape ``(..., in)``, of one axis or more before those of the
            inputs.
        x_scale: Finite and positive.
        x_zero_point: In [0, 255].
        weights: int8 matrix W of shape ``(out, in)``.
        w_scale: float32 of shape ``(out,)``.
        bias: float32 of shape ``(out,)``, or None.
        activation: ``"linear"``, ``"relu"``, ``"relu6"``, ``"gelu"``, ``"gelu_tanh"``
            (GELU's approximation by tanh), ``"sigmoid"``, ``"tanh"`` or ``"silu"``.
        output_dtype: ``tf.float32`` or ``tf.uint8``.
        y_scale: Finite and positive; for uint8 results.
        y_zero_point: In [0, 255]; for uint8 results.
        residual: float32 of the result's shape, added before the activation, or None.
        x_axes: How many axes at the end of `x` hold the inputs together, 1 to 8, or the sizes of
            these axes.
        y_axes: Sizes of the axes at the end of the result that hold the outputs together; none
            for a single axis.

    Returns:
        Tensor of `output_dtype` and shape ``(..., out)``, or ``(..., *y_axes)``.

    Raises:
        tf.errors.InvalidArgumentError: If shapes, scales or indices are not as above.

    Example:

    >>> from tfsparse import BlockPattern
    >>> dense = 2 * np.eye(4, dtype=np.int8)
    >>> weights = BlockSparseMatrix.from_dense(dense, BlockPattern(out=4, in_=1))
    >>> x = tf.constant([[10, 20, 30, 40]], tf.uint8)
    >>> quantized_block_sparse_matmul(x, 0.5, 10, weights, np.ones(4)).numpy().tolist()
    [[0.0, 10.0, 20.0, 30.0]]
    """
    return load().tfsparse_quantized_block_sparse_mat_mul(
        x=x,
        x_scale=x_scale,
        x_zero_point=x_zero_point,
        data=weights.data,
        w_scale=np.asarray(w_scale, np.float32),
        y_scale=y_scale,
        y_zero_point=y_zero_point,
        units=weights.shape[0],
        inputs=weights.shape[1],
        **_axes_of_x(x_axes),
        y_axes=list(y_axes),
        **layer_arguments(weights, bias, residual, activation),
        Tout=output_dtype,
    )
