"""The convolutions as Python functions: thin wrappers of the registered ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfsparse.ops.block_sparse_matrix import BlockSparseMatrix
from tfsparse.ops.layer_arguments import layer_arguments
from tfsparse.ops.library import load
from tfsparse.ops.padding import Padding, padding_attributes


def block_sparse_conv2d(
    x: tf.Tensor,
    weights: BlockSparseMatrix,
    kernel_size: Sequence[int],
    bias: npt.ArrayLike | None = None,
    activation: str = "linear",
    residual: npt.ArrayLike | tf.Tensor | None = None,
    *,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    padding: Padding = "VALID",
    groups: int = 1,
) -> tf.Tensor:
    """Convolves float images with block-sparse kernels.

    ``y = activation(conv(x, W) + bias + residual)``. Beside bfloat16 weights, `x` is rounded to
    bfloat16, to the nearest and half to even; products and sums are float32.

    Args:
        x: float32 tensor of shape ``(batch, height, width, channels)``.
        weights: float32 or bfloat16 matrix W of shape
            ``(filters, kernel height * kernel width * channels / groups)``, the channel fastest;
            its blocks may be 1 to 64 by 1 to 64. With groups, a block's height divides the
            filters of a group.
        kernel_size: Height and width of the kernels.
        bias: float32 of shape ``(filters,)``, or None.
        activation: As in `block_sparse_matmul`.
        residual: float32 of the result's shape, added before the activation, or None.
        strides: Along height and width.
        dilations: Along height and width.
        padding: ``"VALID"``, ``"SAME"``, or ``((top, bottom), (left, right))``.
        groups: How many groups of filters there are. Each covers its own part of the channels.

    Returns:
        float32 tensor of shape ``(batch, height', width', filters)``.

    Raises:
        ValueError: If `padding` is none of these.
        tf.errors.InvalidArgumentError: If shapes or indices do not fit together.

    Example:

    >>> from tfsparse import BlockPattern
    >>> dense = np.ones((2, 3 * 3 * 4), np.float32)
    >>> weights = BlockSparseMatrix.from_dense(dense, BlockPattern(out=2, in_=1))
    >>> y = block_sparse_conv2d(tf.ones((1, 5, 5, 4)), weights, (3, 3), padding="SAME")
    >>> y[0, :2, :2, 0].numpy().tolist()
    [[16.0, 24.0], [24.0, 36.0]]
    """
    return load().tfsparse_block_sparse_conv2d(
        x=x,
        # An array would be cast to the default type of the op.
        data=tf.convert_to_tensor(weights.data),
        **layer_arguments(weights, bias, residual, activation),
        **_window(weights, kernel_size, strides, dilations, padding, groups),
    )


def quantized_block_sparse_conv2d(
    x: tf.Tensor,
    x_scale: float,
    x_zero_point: int,
    weights: BlockSparseMatrix,
    w_scale: npt.ArrayLike,
    kernel_size: Sequence[int],
    bias: npt.ArrayLike | None = None,
    activation: str = "linear",
    output_dtype: tf.DType = tf.float32,
    y_scale: float = 1.0,
    y_zero_point: int = 0,
    residual: npt.ArrayLike | tf.Tensor | None = None,
    residual_scale: float = 1.0,
    residual_zero_point: int = 0,
    *,
    strides: Sequence[int] = (1, 1),
    dilations: Sequence[int] = (1, 1),
    padding: Padding = "VALID",
    groups: int = 1,
) -> tf.Tensor:
    """Convolves uint8 images with block-sparse int8 kernels.

    ``y = activation(x_scale * w_scale * conv(x - x_zero_point, W) + bias + residual)``, the sums
    exact. A float32 `x` is quantized to ``round(x / x_scale) + x_zero_point`` in [0, 255] first,
    and a uint8 result likewise with `y_scale` and `y_zero_point`. A uint8 residual stands for
    ``residual_scale * (residual - residual_zero_point)``.

    Args:
        x: uint8 or float32 tensor of shape ``(batch, height, width, channels)``.
        x_scale: Finite and positive.
        x_zero_point: In [0, 255]; what a uint8 `x` is padded with.
        weights: int8 matrix W, shaped as in `block_sparse_conv2d`.
        w_scale: float32 of shape ``(filters,)``.
        kernel_size: Height and width of the kernels.
        bias: float32 of shape ``(filters,)``, or None.
        activation: As in `block_sparse_matmul`.
        output_dtype: ``tf.float32`` or ``tf.uint8``.
        y_scale: Finite and positive; for uint8 results.
        y_zero_point: In [0, 255]; for uint8 results.
        residual: float32 or uint8 of the result's shape, added before the activation, or None.
        residual_scale: Finite and positive; for a uint8 residual.
        residual_zero_point: In [0, 255]; for a uint8 residual.
        strides: Along height and width.
        dilations: Along height and width.
        padding: ``"VALID"``, ``"SAME"``, or ``((top, bottom), (left, right))``.
        groups: How many groups of filters there are. Each covers its own part of the channels.

    Returns:
        Tensor of `output_dtype` and shape ``(batch, height', width', filters)``.

    Raises:
        ValueError: If `padding` is none of these.
        tf.errors.InvalidArgumentError: If shapes, scales or indices are not as above.

    Example:

    >>> from tfsparse import BlockPattern
    >>> dense = np.ones((2, 3 * 3 * 4), np.int8)
    >>> weights = BlockSparseMatrix.from_dense(dense, BlockPattern(out=2, in_=1))
    >>> x = tf.fill((1, 5, 5, 4), tf.constant(12, tf.uint8))
    >>> y = quantized_block_sparse_conv2d(
    ...     x, 0.5, 10, weights, np.ones(2), (3, 3), padding="SAME")
    >>> y[0, :2, :2, 0].numpy().tolist()
    [[16.0, 24.0], [24.0, 36.0]]
    """
    return load().tfsparse_quantized_block_sparse_conv2d(
        x=x,
        x_scale=x_scale,
        x_zero_point=x_zero_point,
        data=weights.data,
        w_scale=np.asarray(w_scale, np.float32),
        residual_scale=residual_scale,
        residual_zero_point=residual_zero_point,
        y_scale=y_scale,
        y_zero_point=y_zero_point,
        **layer_arguments(weights, bias, residual, activation),
        Tout=output_dtype,
        **_window(weights, kernel_size, strides, dilations, padding, groups),
    )


def _window(
    weights: BlockSparseMatrix,
    kernel_size: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: Padding,
    groups: int,
) -> dict[str, Any]:
    """The attributes that both ops have."""
    height, width = kernel_size
    return {
        "filters": weights.shape[0],
        "kernel_size": [height, width],
        "strides": list(strides),
        "dilations": list(dilations),
        **padding_attributes(padding),
        "groups": groups,
        # Whatever does not divide is for the op to refuse, which then finds other inputs.
        "inputs": groups * weights.shape[1] // max(1, height * width),
    }
