"""Pooling of uint8 images as Python functions: thin wrappers of the registered ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfsparse.ops.library import load
from tfsparse.ops.padding import Padding, padding_attributes


def max_pool2d(
    x: tf.Tensor,
    pool_size: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> tf.Tensor:
    """Takes the maximum of each window of uint8 images.

    Args:
        x: uint8 tensor of shape ``(batch, height, width, channels)``.
        pool_size: Height and width of a window.
        strides: Along height and width; `pool_size` if None.
        padding: ``"VALID"``, ``"SAME"``, or ``((top, bottom), (left, right))``, each less than a
            window. Padding is in no window.

    Returns:
        uint8 tensor of shape ``(batch, height', width', channels)``, of the scale and zero point
        of `x`.

    Raises:
        ValueError: If `padding` is none of these.
        tf.errors.InvalidArgumentError: If sizes are not as above.

    Example:

    >>> x = tf.reshape(tf.range(16), (1, 4, 4, 1))
    >>> max_pool2d(tf.cast(x, tf.uint8), (2, 2))[0, :, :, 0].numpy().tolist()
    [[5, 7], [13, 15]]
    """
    return _pool(load().tfsparse_max_pool2d, x, pool_size, strides, padding)


def average_pool2d(
    x: tf.Tensor,
    pool_size: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> tf.Tensor:
    """Takes the average of each window of uint8 images, rounded, half to even.

    Args:
        x: uint8 tensor of shape ``(batch, height, width, channels)``.
        pool_size: Height and width of a window.
        strides: Along height and width; `pool_size` if None.
        padding: As in `max_pool2d`.

    Returns:
        uint8 tensor of shape ``(batch, height', width', channels)``, of the scale and zero point
        of `x`.

    Raises:
        ValueError: If `padding` is none of these.
        tf.errors.InvalidArgumentError: If sizes are not as above.

    Example:

    >>> x = tf.reshape(tf.range(16), (1, 4, 4, 1))
    >>> average_pool2d(tf.cast(x, tf.uint8), (2, 2))[0, :, :, 0].numpy().tolist()
    [[2, 4], [10, 12]]
    """
    return _pool(load().tfsparse_average_pool2d, x, pool_size, strides, padding)


def _pool(
    op: Callable[..., tf.Tensor],
    x: tf.Tensor,
    pool_size: Sequence[int],
    strides: Sequence[int] | None,
    padding: Padding,
) -> tf.Tensor:
    return op(
        x=x,
        pool_size=list(pool_size),
        strides=list(pool_size if strides is None else strides),
        **padding_attributes(padding),
    )
