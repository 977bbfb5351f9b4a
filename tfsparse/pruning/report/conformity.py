"""How much of a kernel keeps to a pattern "K:N"."""

from __future__ import annotations

import numpy as np

from tfsparse.pattern import NMPattern


def conforming_share(matrices: np.ndarray, pattern: NMPattern) -> float:
    """Share of groups of `of` consecutive inputs with at most `keep` elements that are not zero.

    Args:
        matrices: Kernel of shape ``(groups, out, in)``. A last group of fewer
            inputs counts as one, its padding as zeros.
        pattern: The pattern.

    Returns:
        Share from 0.0 to 1.0; 1.0 for a kernel without elements.

    Example:

    >>> conforming_share(np.array([[[0, 3, 0, 4, 1, 1, 1, 0]]]), NMPattern(2, 4))
    0.5
    """
    if matrices.size == 0:
        return 1.0
    occupied = matrices != 0
    # Strided sums, several times as fast as a reduction over short groups.
    kept = occupied[..., :: pattern.of].astype(np.int32)
    for position in range(1, pattern.of):
        member = occupied[..., position :: pattern.of]
        kept[..., : member.shape[-1]] += member
    return float(np.mean(kept <= pattern.keep))
