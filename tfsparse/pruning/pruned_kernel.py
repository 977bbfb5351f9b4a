"""One kernel under a block mask: the constraint, the masked read, the update.

A mask is held in three places, each for a reason:

- a *constraint* on the variable zeroes pruned blocks after every optimizer
  step. Both versions of Keras run it in `fit`, in custom loops, inside several
  steps per execution, under XLA and under `tf.distribute`, so every checkpoint
  is sparse;
- during a call the layer reads its kernel *through the mask*, so the gradient
  of a pruned block is exactly zero and no momentum grows under it;
- the *assignment* on update zeroes the blocks that were just pruned, before
  the next step sees them.

Cost: expanding the flags and one selection per step, both over the elements of
the kernel; the mask itself is one flag per block.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pattern import BlockPattern, KernelView, to_blocks
from tfsparse.pruning.block_mask import apply_mask, expand_mask
from tfsparse.pruning.criterion import Criterion
from tfsparse.pruning.prunable import PrunableKernel
from tfsparse.pruning.selection import elements_per_block, select_blocks


class MaskConstraint:
    """Constraint that zeroes the pruned blocks of a kernel.

    Args:
        inner: Constraint that the user set on the kernel, applied first.
        mask: bool variable, one flag per block.
        pattern: Block shape.
        view: How the kernel is viewed as a matrix.
    """

    def __init__(
        self,
        inner: Callable[[Any], Any] | None,
        mask: Any,
        pattern: BlockPattern,
        view: KernelView,
    ) -> None:
        self.inner = inner
        self._mask = mask
        self._pattern = pattern
        self._view = view

    def flags(self) -> tf.Tensor:
        """One flag per element of the kernel, True where it is kept."""
        return expand_mask(self._mask, self._pattern, self._view)

    def __call__(self, kernel: Any) -> tf.Tensor:
        """The kernel as it should be after an optimizer step."""
        if self.inner is not None:
            kernel = self.inner(kernel)
        return apply_mask(kernel, self.flags())


class PrunedKernel:
    """A kernel, its mask, and what happens to the two.

    Args:
        kernel: The kernel as it was found in its layer.
        mask: bool variable of shape ``pattern.grid(kernel.view.matrix_shape)``.
        pattern: Block shape.
        criterion: Scores blocks; the lowest are pruned first.
        constraint_class: `MaskConstraint`, or what a binding made of it.

    Raises:
        ValueError: If the kernel is pruned already.
    """

    def __init__(
        self,
        kernel: PrunableKernel,
        mask: Any,
        pattern: BlockPattern,
        criterion: Criterion,
        constraint_class: type[MaskConstraint],
    ) -> None:
        inner = kernel.variable.constraint
        if isinstance(inner, MaskConstraint):
            raise ValueError(
                "`layer` should not be wrapped already. "
                f"Received: layer={kernel.owner.name!r}, whose kernel is pruned by another wrapper"
            )
        self.owner_name = kernel.owner.name
        self.variable = kernel.variable
        self.view = kernel.view
        self.pattern = pattern
        self.mask = mask
        self.constraint = constraint_class(inner, mask, pattern, kernel.view)
        self._holder = vars(kernel.owner)
        self._attribute = kernel.attribute
        self._criterion = criterion

    @contextlib.contextmanager
    def read_through_mask(self) -> Iterator[None]:
        """While active, the layer reads its kernel through the mask."""
        # The attribute is set past `__setattr__`, which would track the tensor
        # as state. It is put back from `variable`, not from what was there, so
        # that concurrent calls cannot leave a tensor behind.
        self._holder[self._attribute] = apply_mask(self.variable, self.constraint.flags())
        try:
            yield
        finally:
            self._holder[self._attribute] = self.variable

    def update(self, sparsity: float) -> None:
        """Recomputes the mask for `sparsity` and applies it."""
        matrix = self.view.to_matrix(self.variable.numpy())
        scores = self._criterion(to_blocks(matrix, self.pattern))
        sizes = elements_per_block(self.view.matrix_shape, self.pattern)
        kept = np.asarray(self.mask.numpy())
        selected = select_blocks(scores, kept, sizes, sparsity)
        if not np.array_equal(selected, kept):
            self.mask.assign(selected)
            self.apply()

    def apply(self) -> None:
        """Zeroes the pruned blocks of the kernel."""
        self.variable.assign(apply_mask(self.variable, self.constraint.flags()))

    def masked_values(self) -> np.ndarray:
        """The kernel with its pruned blocks at zero."""
        return np.asarray(apply_mask(self.variable, self.constraint.flags()).numpy())
