"""One kernel under a mask: the constraint, the masked read, the update.

A mask is held in three places, each for a reason:

- a *constraint* on the variable zeroes pruned blocks after every optimizer
  step. Both versions of Keras run it in `fit`, in custom loops, inside several
  steps per execution, under XLA and under `tf.distribute`, so every checkpoint
  is sparse;
- during a call the layer reads its kernel *through the mask*, so the gradient
  of a pruned block is exactly zero and no momentum grows under it. In training
  only the gradient goes through it: the kernel itself does not need to, because
  the constraint left it sparse. Otherwise both do, since what was written past
  the constraint (a moving average, weights that were set) lasts there;
- the *assignment* on update zeroes the blocks that were just pruned, before
  the next step sees them.

Cost: a training step selects twice over the elements of the kernel, for the
gradient and for the constraint: two passes over memory, whatever the batch. The
mask itself is one flag per block.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pattern import to_blocks
from tfsparse.pruning.block_mask import apply_mask, mask_gradient
from tfsparse.pruning.gradient_score import GradientScore
from tfsparse.pruning.mask_constraint import MaskConstraint
from tfsparse.pruning.prunable import PrunableKernel, adaptation
from tfsparse.pruning.selection import Ranking, elements_per_block, rank, select
from tfsparse.pruning.settings import Settings


class _ThreadCall(threading.local):
    """What is known of the call that a thread is in."""

    training = False


_CALL = _ThreadCall()


@contextlib.contextmanager
def call_for(training: bool) -> Iterator[None]:
    """While active, calls of this thread are those of a training step, or not."""
    before, _CALL.training = _CALL.training, training
    try:
        yield
    finally:
        _CALL.training = before


class MaskedCall:
    """The `call` of a layer that owns a kernel, which reads the kernel through its mask.

    The mask is between the layer and its kernel for this call alone, and not for
    that of a layer around it: the replicas of `tf.distribute` are threads that
    take turns wherever one communicates, and would find each other's tensors.
    """

    def __init__(self, kernel: PrunedKernel, of_others: MaskedCall | None) -> None:
        self._kernel = kernel
        self._of_others = of_others  # the call that masks the owner's other kernels
        # tf_keras asks for it when it writes a SavedModel.
        self.__signature__ = inspect.signature(kernel.owner.call)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer."""
        owner = self._kernel.owner
        with self._kernel.read_through_mask(_CALL.training):
            if self._of_others is not None:
                return self._of_others(*args, **kwargs)
            return type(owner).call(owner, *args, **kwargs)


class PrunedKernel:
    """A kernel, its mask, and what happens to the two.

    Args:
        kernel: The kernel as it was found in its layer.
        mask: bool variable of shape ``mask_shape(view, flag block)``.
        settings: How it is pruned.
        constraint_class: `MaskConstraint`, or what a binding made of it.
        gradient_score: What follows the gradients, for criteria that need them.
        pull: Gives the strength of the group lasso now.

    Raises:
        ValueError: If the kernel is pruned already.
    """

    def __init__(
        self,
        kernel: PrunableKernel,
        mask: Any,
        settings: Settings,
        constraint_class: type[MaskConstraint],
        gradient_score: GradientScore | None = None,
        pull: Callable[[], Any] | None = None,
    ) -> None:
        inner = kernel.variable.constraint
        if isinstance(inner, MaskConstraint):
            raise ValueError(
                "`layer` should not be wrapped already. "
                f"Received: layer={kernel.owner.name!r}, whose kernel is pruned by another wrapper"
            )
        self.path = kernel.path
        self.owner_name = kernel.owner.name
        self.variable = kernel.variable
        self.view = kernel.view
        self.settings = settings
        self.pattern = settings.pattern
        self.block = settings.pattern.flag_block(kernel.view.matrix_shape)
        self.mask = mask
        lasso = settings.group_lasso
        shrinks = lasso.strength > 0 and lasso.form == "proximal"
        self.constraint = constraint_class(
            inner, mask, self.block, kernel.view, pull if shrinks else None
        )
        self.gradient_score = gradient_score
        self.owner = kernel.owner
        self.holder = kernel.holder
        self._attribute = kernel.attribute

    def attach(self) -> None:
        """From now on the layer reads its kernel through the mask."""
        # Past `__setattr__`, which would track it.
        vars(self.owner)["call"] = MaskedCall(self, vars(self.owner).get("call"))

    def detach(self) -> None:
        """The layer reads its kernel as it is again."""
        vars(self.owner).pop("call", None)

    def check_not_adapted(self) -> None:
        """Raises ValueError if Keras has quantized the layer or adapted it by LoRA.

        What it computes with is then not the kernel that has the mask.
        """
        reason = adaptation(self.owner)
        if reason is not None:
            raise ValueError(
                "`layer` should be stripped with `tfsparse.strip_pruning` before it is quantized "
                f"or adapted by LoRA. Received: layer={self.owner_name!r} ({reason})"
            )

    @contextlib.contextmanager
    def read_through_mask(self, training: bool = False) -> Iterator[None]:
        """While active, the layer reads its kernel through the mask.

        Args:
            training: Whether the kernel is as the constraint left it.
        """
        # The attribute is set past `__setattr__`, which would track the tensor
        # as state. It is put back from `variable`, not from what was there, so
        # that concurrent calls cannot leave a tensor behind.
        vars(self.holder)[self._attribute] = self._masked(training)
        try:
            yield
        finally:
            vars(self.holder)[self._attribute] = self.variable

    def ranking(self) -> Ranking:
        """Scores the blocks of the kernel as it is now."""
        return rank(self._scores(), self.kept(), self.view, self.pattern)

    def kept(self) -> np.ndarray:
        """The mask as an array: True where a block is kept."""
        return np.asarray(self.mask.numpy())

    def assign(self, kept: np.ndarray) -> None:
        """Sets the mask and zeroes what it prunes.

        Args:
            kept: bool array of the shape of the mask. What is pruned already
                stays pruned unless regrowth was asked for.
        """
        before = self.kept()
        if not self.settings.regrow:
            kept = kept & before
        if not np.array_equal(kept, before):
            self.mask.assign(kept)
            self.apply()

    def set(self, kept: np.ndarray, values: np.ndarray) -> None:
        """Sets the mask, and the kernel to new values where it keeps them.

        Args:
            kept: bool array of the shape of the mask.
            values: Array of the shape of the kernel.
        """
        self.mask.assign(kept)
        flags = self.constraint.flags().numpy()
        self.variable.assign(np.where(flags, values, 0).astype(self.variable.numpy().dtype))

    def update(self, sparsity: float) -> None:
        """Recomputes the mask for `sparsity` and applies it."""
        self.assign(select(self.ranking(), sparsity))

    def lock_zeros(self) -> None:
        """Takes the blocks that are zero into the mask, so that they stay zero.

        A kernel that is all zero was not pruned but initialized so: it is left.
        """
        blocks = np.any(to_blocks(self._matrices() != 0, self.block), axis=(-2, -1))
        if blocks.any():
            self.assign(blocks)

    def apply(self) -> None:
        """Zeroes the pruned blocks of the kernel."""
        self.variable.assign(apply_mask(self.variable, self.constraint.flags()))

    def masked_values(self) -> np.ndarray:
        """The kernel with its pruned blocks at zero."""
        return np.asarray(apply_mask(self.variable, self.constraint.flags()).numpy())

    def _matrices(self) -> np.ndarray:
        return self.view.to_matrices(self.variable.numpy())

    def _masked(self, training: bool) -> tf.Tensor:
        flags = self.constraint.flags()
        masked = (mask_gradient if training else apply_mask)(self.variable, flags)
        return masked if self.gradient_score is None else self.gradient_score.watch(masked)

    def _scores(self) -> np.ndarray:
        if self.gradient_score is not None:
            return self.gradient_score.scores()
        sizes = elements_per_block(self.view.matrix_shape, self.block)
        return self.settings.criterion(to_blocks(self._matrices(), self.block), sizes)
