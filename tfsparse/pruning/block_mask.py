"""Blocks as TensorFlow sees them: flags spread over a kernel, sums over its blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pattern import BlockPattern, KernelView

# A byte of 1 times 0x01010101 is four bytes of 1, several times faster than `tf.repeat`.
_WORDS = {2: tf.uint16, 4: tf.uint32, 8: tf.uint64}


def mask_shape(view: KernelView, block: BlockPattern) -> tuple[int, int, int]:
    """Shape ``(groups, rows, columns)`` of the mask of a kernel."""
    return (view.groups, *block.grid(view.matrix_shape))


def expand_mask(mask: Any, block: BlockPattern, view: KernelView) -> tf.Tensor:
    """Spreads the flags of blocks over the elements of a kernel.

    Args:
        mask: Tensor or variable of shape ``mask_shape(view, block)``, bool or float32.
        block: The block that a flag covers.
        view: How the kernel is viewed as matrices ``(groups, out, in)``.

    Returns:
        Tensor of shape ``view.shape`` and the dtype of the mask.
    """
    flags = tf.convert_to_tensor(mask)
    out, in_ = view.matrix_shape
    # Nearly all kernels are stored inputs first. Flags are put into that order while
    # there are few of them: transposing one per element costs more than all the rest.
    flags = _spread(tf.transpose(flags, [2, 0, 1]), block.out)[..., :out]
    if block.in_ > 1:
        columns, groups, _ = flags.shape
        flags = tf.broadcast_to(flags[:, None], [columns, block.in_, groups, out])
        flags = tf.reshape(flags, [columns * block.in_, groups, out])[:in_]
    stored = view.in_axes + view.group_axes + view.out_axes
    if stored != tuple(range(len(stored))):
        flags = tf.reshape(flags, [view.factors[axis] for axis in stored])
        flags = tf.transpose(flags, np.argsort(stored))
    return tf.reshape(flags, view.shape)


def apply_mask(kernel: Any, flags: tf.Tensor) -> tf.Tensor:
    """Zeroes a kernel where `flags` is False, whatever is there.

    A selection, not a product: NaN times zero is NaN. Its gradient is zero
    where `flags` is False.
    """
    kernel = tf.convert_to_tensor(kernel)
    return tf.where(flags, kernel, tf.zeros([], kernel.dtype))


def mask_gradient(kernel: Any, flags: tf.Tensor) -> tf.Tensor:
    """The kernel as it is; its gradient is zero where `flags` is False.

    Reads a kernel whose pruned blocks are zero already, at half of the cost of
    `apply_mask`, which selects going forward and going back.
    """

    def select(gradient: tf.Tensor) -> tf.Tensor:
        # With zeros of its own shape a selection takes two thirds of the time of one with
        # a scalar that is spread. (A constraint's does not: it cannot write in place.)
        return tf.where(flags, gradient, tf.zeros_like(gradient))

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def identity(values: tf.Tensor) -> Any:
        return tf.identity(values), select

    masked: tf.Tensor = identity(tf.convert_to_tensor(kernel))
    return masked


def block_sums(values: tf.Tensor, view: KernelView, block: BlockPattern) -> tf.Tensor:
    """Sums the elements of each block of a kernel.

    Args:
        values: Tensor of shape ``view.shape``.
        view: How the kernel is viewed as matrices.
        block: Block shape.

    Returns:
        Tensor of shape ``(groups, rows, columns)``.

    Example:

    >>> view = KernelView.of_dense((1, 6))
    >>> values = tf.constant([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> block_sums(values, view, BlockPattern(4, 1)).numpy().tolist()
    [[[10.0], [11.0]]]
    """
    out, in_ = view.matrix_shape
    rows, columns = block.grid((out, in_))
    matrices = tf.transpose(tf.reshape(values, view.factors), view.order)
    matrices = tf.reshape(matrices, [view.groups, out, in_])
    if rows * block.out > out or columns * block.in_ > in_:
        padding = [[0, 0], [0, rows * block.out - out], [0, columns * block.in_ - in_]]
        matrices = tf.pad(matrices, padding)
    blocks = tf.reshape(matrices, [view.groups, rows, block.out, columns, block.in_])
    return tf.reduce_sum(blocks, axis=[2, 4])


def _spread(flags: tf.Tensor, times: int) -> tf.Tensor:
    """Repeats each value `times` times along the last axis."""
    if times == 1:
        return flags
    *shape, last = flags.shape
    if flags.dtype == tf.bool and times in _WORDS:
        word = _WORDS[times]
        ones = tf.constant(int.from_bytes(b"\1" * times, "little"), word)
        flags = tf.cast(tf.bitcast(tf.cast(flags, word) * ones, tf.uint8), tf.bool)
    elif flags.dtype == tf.bool and times % 2 == 0:
        inner = next(size for size in sorted(_WORDS, reverse=True) if times % size == 0)
        return _spread(_spread(flags, times // inner), inner)
    else:
        flags = tf.broadcast_to(flags[..., None], [*shape, last, times])
    return tf.reshape(flags, [*shape, last * times])
