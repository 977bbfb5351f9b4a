"""Group lasso: pulls whole blocks of a kernel towards zero.

``strength * sum over blocks b of sqrt(|b|) * ||W_b||``

where ``|b|`` is the number of elements of the block inside the matrix, so that
smaller blocks at the edge are pulled no harder per element. It is the penalty
of Yuan and Lin (2006), on the *weights*. There are two forms of it.

``"penalty"`` adds it to the loss, as ``sqrt(||W_b||^2 + epsilon)``. Under SGD
this is the (sub)gradient method for it, and every step shrinks the norm of a
block by ``learning rate * strength * sqrt(|b|)``. It makes unimportant blocks
small before they are pruned, but never exactly zero: the mask does that. Under
Adam and its kin its gradient is divided by the size of the loss's gradient, so
that blocks with small gradients are pulled harder, and how hard a given
strength pulls depends on the loss. `epsilon` keeps the gradient of an all-zero
block at zero; without it that gradient is 0/0.

``"proximal"`` takes the same pull out of the loss: after every optimizer step
the norm of each block is made smaller by ``strength * sqrt(|b|)``, down to
exactly zero. That is the proximal operator of the penalty (Yuan and Lin's
shrinkage), decoupled from the gradient in the way of AdamW's weight decay, so a
strength means the same under every optimizer: it is in units of weights per
step, whatever the learning rate. It is the smaller number by about the learning
rate.

Either pulls until the last update of the schedule: to choose what to prune is what
it is for. Blocks that are kept would go on shrinking after that, with nothing to
be gained, while they should recover.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pattern import BlockPattern, KernelView
from tfsparse.pruning.block_mask import block_sums, expand_mask
from tfsparse.pruning.selection import elements_per_block

EPSILON = 1e-12
_FORMS = ("penalty", "proximal")


@dataclasses.dataclass(frozen=True)
class GroupLasso:
    """How hard blocks are pulled towards zero, and in which form.

    Args:
        strength: Factor, at least 0. For ``"penalty"`` in units of the loss per
            unit of weight; for ``"proximal"`` in units of weight per step.
        form: ``"penalty"``, added to the loss, or ``"proximal"``, applied to
            the weights after every optimizer step, which does not depend on the
            learning rate or the size of gradients.
        until_target: Whether the pull ends with the last update of the schedule,
            when the target sparsity is reached. Without `UpdatePruning` it never
            does; with a schedule that prunes at once it never begins.

    Raises:
        ValueError: If the strength is negative or the form unknown.

    Example:

    >>> GroupLasso(1e-6, form="proximal")
    GroupLasso(strength=1e-06, form='proximal', until_target=True)

    Reference:

    - Yuan and Lin, "Model selection and estimation in regression with grouped
      variables", Journal of the Royal Statistical Society B, 2006.
    """

    strength: float
    form: str = "penalty"
    until_target: bool = True

    def __post_init__(self) -> None:
        number = isinstance(self.strength, numbers.Real) and not isinstance(self.strength, bool)
        if not number or not 0.0 <= self.strength < math.inf:
            raise ValueError(
                "`group_lasso` should be at least 0, a number or a `tfsparse.GroupLasso`. "
                f"Received: group_lasso={self.strength!r}"
            )
        if self.form not in _FORMS:
            raise ValueError(f"`form` should be one of {_FORMS}. Received: form={self.form!r}")
        object.__setattr__(self, "strength", float(self.strength))
        object.__setattr__(self, "until_target", bool(self.until_target))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal object."""
        return dataclasses.asdict(self)

    def pull(self, before_target: Any) -> float | tf.Tensor:
        """The strength now, which is 0 once the target is reached.

        Args:
            before_target: Whether the last update is still to come: bool, or scalar tensor.

        Returns:
            Number, or scalar float32 tensor.
        """
        return tf.where(before_target, self.strength, 0.0) if self.until_target else self.strength


def as_group_lasso(value: Any) -> GroupLasso:
    """Reads a `group_lasso` argument: a strength, a `GroupLasso` or its configuration."""
    if isinstance(value, GroupLasso):
        return value
    return GroupLasso(**value) if isinstance(value, dict) else GroupLasso(value)


def penalty(kernel: Any, view: KernelView, block: BlockPattern, strength: Any) -> tf.Tensor:
    """The term that the penalty form adds to the loss for one kernel.

    Args:
        kernel: Tensor or variable of shape ``view.shape``.
        view: How the kernel is viewed as matrices ``(groups, out, in)``.
        block: Block shape.
        strength: Factor, at least 0; number or scalar tensor.

    Returns:
        Scalar tensor; float32 at least.
    """
    kernel = tf.convert_to_tensor(kernel)
    if kernel.dtype.size < 4:  # squares of float16 underflow and overflow
        kernel = tf.cast(kernel, tf.float32)
    norms = tf.sqrt(block_sums(tf.square(kernel), view, block) + tf.constant(EPSILON, kernel.dtype))
    return tf.cast(strength, kernel.dtype) * tf.reduce_sum(
        _weights(view, block, kernel.dtype) * norms
    )


def shrink(kernel: Any, view: KernelView, block: BlockPattern, strength: Any) -> tf.Tensor:
    """The kernel after one step of the proximal form.

    Args:
        kernel: Tensor or variable of shape ``view.shape``.
        view: How the kernel is viewed as matrices ``(groups, out, in)``.
        block: Block shape.
        strength: Length by which norms shrink, over ``sqrt(|b|)``; at least 0, a
            number or scalar float32 tensor.

    Returns:
        Tensor of the shape and dtype of the kernel.
    """
    kernel = tf.convert_to_tensor(kernel)
    norms = tf.sqrt(block_sums(tf.square(tf.cast(kernel, tf.float32)), view, block))
    pull = strength * _weights(view, block, tf.float32)
    factors = tf.where(norms > pull, 1.0 - tf.math.divide_no_nan(pull, norms), 0.0)
    return kernel * tf.cast(expand_mask(factors, block, view), kernel.dtype)


def _weights(view: KernelView, block: BlockPattern, dtype: tf.DType) -> tf.Tensor:
    """``sqrt(|b|)`` of each block, shape ``(rows, columns)``, or one number for all."""
    sizes = elements_per_block(view.matrix_shape, block)
    if sizes.size and (sizes == sizes.flat[0]).all():
        return tf.constant(np.sqrt(sizes.flat[0]), dtype)
    return tf.constant(np.sqrt(sizes), dtype)
