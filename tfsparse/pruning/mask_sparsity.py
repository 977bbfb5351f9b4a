"""How sparse masks are, read off their flags: kernels need not be looked at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tfsparse.pattern import BlockPattern, KernelView
from tfsparse.pruning.pruned_kernel import PrunedKernel


def pruned_elements(kept: np.ndarray, block: BlockPattern, view: KernelView) -> int:
    """Elements of a kernel that its mask prunes, padding left out.

    Args:
        kept: bool array of shape ``mask_shape(view, block)``, the mask.
        block: The block that a flag covers.
        view: How the kernel is viewed as matrices ``(groups, out, in)``.

    Returns:
        Their number.

    Example:

    >>> kept = np.array([[[True, False, True], [True, True, False]]])
    >>> pruned_elements(kept, BlockPattern(4, 1), KernelView.of_dense((3, 6)))
    6
    """
    if kept.size == 0:
        return 0
    out, in_ = view.matrix_shape
    pruned = ~kept
    # Blocks of the last row and column may stick out over the matrix.
    heights = np.full(kept.shape[-2], block.out)
    heights[-1] -= -out % block.out
    widths = np.count_nonzero(pruned, axis=-1) * block.in_ - pruned[..., -1] * (-in_ % block.in_)
    return int((widths * heights).sum())


def mask_sparsity(kernels: Iterable[PrunedKernel]) -> float:
    """Pruned elements over all elements of some kernels.

    Args:
        kernels: The kernels.

    Returns:
        The share, 0.0 if there is nothing to prune.
    """
    pruned = total = 0
    for kernel in kernels:
        out, in_ = kernel.view.matrix_shape
        total += kernel.view.groups * out * in_
        pruned += pruned_elements(kernel.kept(), kernel.block, kernel.view)
    return pruned / total if total else 0.0
