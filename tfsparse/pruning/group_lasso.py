"""Group lasso: a penalty that pulls whole blocks of a kernel towards zero.

``strength * sum over blocks b of sqrt(|b|) * sqrt(||W_b||^2 + epsilon)``

where ``|b|`` is the number of elements of the block inside the matrix, so that
smaller blocks at the edge are pulled no harder per element. It is the penalty
of Yuan and Lin (2006) on the *weights*, added to the loss. It shrinks blocks
but does not zero them exactly: the mask does that, and the penalty's use is to
make unimportant blocks small before they are pruned. The proximal form, which
does zero blocks, presumes plain gradient steps; under Adam and its kin, which
rescale every coordinate, it barely does, and its strength loses its meaning.

`epsilon` keeps the gradient of an all-zero block at zero; without it that
gradient is 0/0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pattern import BlockPattern, KernelView
from tfsparse.pruning.selection import elements_per_block

EPSILON = 1e-12


def group_lasso(kernel: Any, view: KernelView, pattern: BlockPattern, strength: float) -> tf.Tensor:
    """The penalty of one kernel.

    Args:
        kernel: Tensor or variable of shape ``view.shape``.
        view: How the kernel is viewed as a matrix ``(out, in)``.
        pattern: Block shape.
        strength: Factor, at least 0.

    Returns:
        Scalar tensor; float32 at least.

    Reference:

    - Yuan and Lin, "Model selection and estimation in regression with grouped
      variables", Journal of the Royal Statistical Society B, 2006.
    """
    kernel = tf.convert_to_tensor(kernel)
    if kernel.dtype.size < 4:  # squares of float16 underflow and overflow
        kernel = tf.cast(kernel, tf.float32)
    out, in_ = view.matrix_shape
    rows, columns = pattern.grid((out, in_))
    matrix = tf.reshape(tf.transpose(kernel, view.out_axes + view.in_axes), [out, in_])
    matrix = tf.pad(matrix, [[0, rows * pattern.out - out], [0, columns * pattern.in_ - in_]])
    blocks = tf.reshape(matrix, [rows, pattern.out, columns, pattern.in_])
    squares = tf.reduce_sum(tf.square(blocks), axis=[1, 3])
    weights = np.sqrt(elements_per_block((out, in_), pattern))
    norms = tf.sqrt(squares + tf.constant(EPSILON, kernel.dtype))
    return strength * tf.reduce_sum(tf.constant(weights, kernel.dtype) * norms)
