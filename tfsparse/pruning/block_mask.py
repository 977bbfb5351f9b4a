"""Block masks as TensorFlow sees them: one flag per block, spread over a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pattern import BlockPattern, KernelView


def expand_mask(mask: Any, pattern: BlockPattern, view: KernelView) -> tf.Tensor:
    """Spreads the flags of blocks over the elements of a kernel.

    Args:
        mask: bool tensor or variable of shape ``pattern.grid(view.matrix_shape)``.
        pattern: Block shape.
        view: How the kernel is viewed as a matrix ``(out, in)``.

    Returns:
        bool tensor of shape ``view.shape``.
    """
    flags = tf.convert_to_tensor(mask)
    out, in_ = view.matrix_shape
    flags = tf.repeat(flags, pattern.out, axis=0)[:out]
    flags = tf.repeat(flags, pattern.in_, axis=1)[:, :in_]
    order = view.out_axes + view.in_axes
    flags = tf.reshape(flags, [view.shape[axis] for axis in order])
    return tf.transpose(flags, np.argsort(order))


def apply_mask(kernel: Any, flags: tf.Tensor) -> tf.Tensor:
    """Zeroes a kernel where `flags` is False, whatever is there.

    A selection, not a product: NaN times zero is NaN. Its gradient is zero
    where `flags` is False.
    """
    kernel = tf.convert_to_tensor(kernel)
    return tf.where(flags, kernel, tf.zeros([], kernel.dtype))
