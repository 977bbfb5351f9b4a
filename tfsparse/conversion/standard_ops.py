"""A converted layer in TensorFlow's own ops, for servers that cannot load our library.

The functions here are traced, and `splicing` puts what they consist of into a model's graph. They
compute what our ops compute, in float32: where an op of ours reads activations as uint8 or
bfloat16, they are rounded to the values that those stand for. So the numbers are the same
but for the order of sums, and but for an activation that lies so near to the middle between two
values that this order decides which one it is rounded to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfsparse.conversion.activations import ActivationName
from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.quantization import SMALLEST_SCALE

ACTIVATIONS: Mapping[ActivationName, Callable[[tf.Tensor], tf.Tensor]] = {
    "linear": lambda y: y,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "gelu": lambda y: tf.nn.gelu(y, approximate=False),
    "gelu_tanh": lambda y: tf.nn.gelu(y, approximate=True),
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "silu": lambda y: y * tf.sigmoid(y),
}
"""Activations of our ops by their names."""


def measured_range(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How activations are read as uint8, from their least and greatest finite value.

    Args:
        x: float32 tensor of any shape.

    Returns:
        ``(scale, zero_point)``, both float32, as the op ``Tfsparse>ActivationRange`` gives them.

    Example:

    >>> scale, zero_point = measured_range(tf.constant([-51.0, 204.0, np.inf]))
    >>> float(scale), float(zero_point)
    (1.0, 51.0)
    """
    values = tf.reshape(tf.where(tf.math.is_finite(x), x, 0.0), [-1])
    least = tf.cast(tf.minimum(tf.reduce_min(values, axis=0), 0.0), tf.float64)
    greatest = tf.cast(tf.maximum(tf.reduce_max(values, axis=0), 0.0), tf.float64)
    scale = tf.cast((greatest - least) / 255.0, tf.float32)
    has_extent = scale >= SMALLEST_SCALE
    scale = tf.where(has_extent, scale, 1.0)
    steps = tf.cast(tf.round(-least / tf.cast(scale, tf.float64)), tf.float32)
    return scale, tf.where(has_extent, tf.clip_by_value(steps, 0.0, 255.0), 0.0)


def through_uint8(x: tf.Tensor, scale: tf.Tensor, zero_point: tf.Tensor) -> tf.Tensor:
    """What activations stand for that an op reads as uint8. NaN becomes the least value.

    Args:
        x: float32 tensor.
        scale: float32 scalar.
        zero_point: float32 scalar, a whole number from 0 to 255.

    Returns:
        float32 tensor of the same shape.

    Example:

    >>> through_uint8(tf.constant([-9.0, 0.2, 0.3, 999.0]), 0.5, 10.0).numpy().tolist()
    [-5.0, 0.0, 0.5, 122.5]
    """
    steps = x * (1.0 / scale)
    least = -zero_point
    steps = tf.minimum(tf.where(steps > least, steps, least), 255.0 - zero_point)
    return tf.round(steps) * scale


def through_bfloat16(x: tf.Tensor) -> tf.Tensor:
    """What activations are after they were rounded to bfloat16."""
    return tf.cast(tf.cast(x, tf.bfloat16), tf.float32)


def dense(
    x: tf.Tensor,
    kernel: tf.Tensor,
    bias: np.ndarray | None,
    residual: tf.Tensor | None,
    activation: ActivationName,
    x_axes: int,
    y_axes: Sequence[int],
) -> tf.Tensor:
    """``activation(x @ kernel + bias + residual)``.

    Args:
        x: float32 tensor; its last `x_axes` axes hold the inputs together.
        kernel: float32 of shape ``(in, out)``.
        bias: float32 of shape ``(out,)``, or None.
        residual: float32 tensor of the result's shape, or None.
        activation: One of `ACTIVATIONS`.
        x_axes: How many axes at the end of `x` are the inputs.
        y_axes: Sizes of the axes at the end of the result that are the outputs.

    Returns:
        float32 tensor of shape ``(..., *y_axes)``.
    """
    is_matrix = x.shape.rank == 2 and x_axes == len(y_axes) == 1
    y = tf.matmul(x if is_matrix else tf.reshape(x, [-1, kernel.shape[0]]), kernel)
    if bias is not None:
        y = tf.nn.bias_add(y, bias)
    # TensorFlow fuses bias and activation with a product that they follow at once.
    if residual is None:
        y = ACTIVATIONS[activation](y)
    if not is_matrix:
        y = tf.reshape(y, tf.concat([tf.shape(x)[:-x_axes], y_axes], axis=0))
    return y if residual is None else ACTIVATIONS[activation](y + residual)


def convolution(
    x: tf.Tensor,
    kernel: tf.Tensor,
    bias: np.ndarray | None,
    residual: tf.Tensor | None,
    activation: ActivationName,
    geometry: Geometry,
) -> tf.Tensor:
    """``activation(x * kernel + bias + residual)``, a convolution of images.

    Args:
        x: float32 tensor of shape ``(batch, height, width, channels)``.
        kernel: float32 of shape ``(in, out)``, its inputs in the order of `Geometry`.
        bias: float32 of shape ``(out,)``, or None.
        residual: float32 tensor of the result's shape, or None.
        activation: One of `ACTIVATIONS`.
        geometry: How the window moves.

    Returns:
        float32 tensor of shape ``(batch, height, width, out)``.
    """
    channels = kernel.shape[0] // geometry.taps
    window = tf.reshape(kernel, [*geometry.kernel_size, channels, kernel.shape[1]])
    padding: str | list[list[int]] = "SAME"
    if geometry.pads is not None:
        top, bottom, left, right = geometry.pads
        padding = [[0, 0], [top, bottom], [left, right], [0, 0]]
    # Its shape function has to know how many groups there are.
    x = tf.ensure_shape(x, [None, None, None, channels * geometry.groups])
    y = tf.nn.conv2d(x, window, geometry.strides, padding, dilations=geometry.dilations)
    if bias is not None:
        y = tf.nn.bias_add(y, bias)
    return ACTIVATIONS[activation](y if residual is None else y + residual)
