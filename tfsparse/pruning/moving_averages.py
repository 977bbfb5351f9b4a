"""Keeps the moving averages of an optimizer sparse.

An optimizer with `use_ema` follows every weight with an average, and callbacks
such as `SwapEMAWeights` put the averages into the model, past every constraint,
to evaluate and save it with them. A weight that is pruned is zero from then on,
but its average only tends to zero. Once the average is zero too, it stays so.

Keras gives no public access to the averages of a variable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfsparse.pruning.block_mask import apply_mask
from tfsparse.pruning.pruned_kernel import PrunedKernel


def mask_averages(optimizer: Any, kernels: Iterable[PrunedKernel]) -> None:
    """Zeroes the averages of pruned weights.

    Args:
        optimizer: Optimizer of either Keras, maybe one that scales the loss.
        kernels: The kernels of the model.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    by_variable = {id(kernel.variable): kernel for kernel in kernels}
    for one in (inner, *getattr(inner, "optimizers", ())):
        averages = getattr(one, "_model_variables_moving_average", None) or ()
        followed = getattr(one, "_trainable_variables", ())
        # There are none before the first step, and then there is nothing to mask.
        for variable, average in zip(followed, averages, strict=False):
            kernel = by_variable.get(id(variable))
            if kernel is not None:
                average.assign(apply_mask(average, kernel.constraint.flags()))
