"""The constraint that keeps pruned weights at zero, whatever an optimizer does.

Both versions of Keras call the constraint of a variable after the optimizer has
changed it. So the mask holds for every optimizer, with momentum that is still
moving or noise of its own, and NaN does not outlive the step that it came from.

Cost: the flags of blocks are spread over the elements of the kernel, at 1 byte
each, and select among them. A training step needs the spread flags twice, for
the gradient when it comes back and for the constraint, and spreads them once:
they are kept with the graph that they were made in, for as long as it lasts. That
is right because masks change between steps only, on the host. Where a strategy
distributes the step each replica has a mask of its own, so nothing is kept there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfsparse.pattern import BlockPattern, KernelView
from tfsparse.pruning.accumulation import updates_weights
from tfsparse.pruning.block_mask import apply_mask, expand_mask
from tfsparse.pruning.group_lasso import shrink

_KEPT_FLAGS = "tfsparse_flags"


class MaskConstraint:
    """Constraint that zeroes the pruned blocks of a kernel.

    Args:
        inner: Constraint that the user set on the kernel, applied first.
        mask: bool variable, one flag per block.
        block: The block that a flag covers.
        view: How the kernel is viewed as matrices.
        shrinkage: Gives the strength of the proximal group lasso, which is applied
            before the mask; None for no lasso.

    Attributes:
        optimizer: What trains the kernel, where that is known. Keras calls
            constraints for accumulated batches too, when no weight has changed;
            only with its help are those told apart, and not shrunk.
    """

    def __init__(
        self,
        inner: Callable[[Any], Any] | None,
        mask: Any,
        block: BlockPattern,
        view: KernelView,
        shrinkage: Callable[[], Any] | None = None,
    ) -> None:
        self.inner = inner
        self.optimizer: Any = None
        self._mask = mask
        self._block = block
        self._view = view
        self._shrinkage = shrinkage

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def flags(self) -> tf.Tensor:
        """One flag per element of the kernel, True where it is kept."""
        graph = tf.compat.v1.get_default_graph()
        if not graph.building_function or tf.distribute.has_strategy():
            return expand_mask(self._mask, self._block, self._view)
        kept = graph.get_collection_ref(_KEPT_FLAGS)
        for constraint, flags in kept:
            # A graph begins with what the one around it has kept.
            if constraint is self and flags.graph is graph:
                return flags
        flags = expand_mask(self._mask, self._block, self._view)
        kept.append((self, flags))
        return flags

    def __call__(self, kernel: Any) -> tf.Tensor:
        """The kernel as it should be after an optimizer step."""
        values = kernel if self.inner is None else self.inner(kernel)
        if self._shrinkage is not None:
            pull = self._shrinkage()
            updates = updates_weights(self.optimizer, kernel)
            if updates is not None:
                pull = tf.where(updates, pull, 0.0)
            values = shrink(values, self._view, self._block, pull)
        return apply_mask(values, self.flags())
