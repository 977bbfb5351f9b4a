"""Criteria: how much a block matters.

A criterion maps the blocks of a matrix, shape ``(rows, columns, A, B)`` with
zero padding, to scores of shape ``(rows, columns)``; the lowest are pruned
first. A new criterion is one more function and one more row in `CRITERIA`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Criterion = Callable[[np.ndarray], np.ndarray]


def l2_norm(blocks: np.ndarray) -> np.ndarray:
    """Euclidean norm of each block.

    Accumulated in float64: float16 squares overflow, and equal blocks must get
    equal scores wherever they lie.

    Args:
        blocks: Array of shape ``(rows, columns, A, B)``.

    Returns:
        float64 array of shape ``(rows, columns)``.
    """
    norms: np.ndarray = np.sqrt(np.square(blocks.astype(np.float64)).sum(axis=(2, 3)))
    return norms


CRITERIA: dict[str, Criterion] = {"l2_norm": l2_norm}


def get_criterion(name: str) -> Criterion:
    """Looks a criterion up.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in CRITERIA:
        raise ValueError(
            f"`criterion` should be one of {sorted(CRITERIA)}. Received: criterion={name!r}"
        )
    return CRITERIA[name]
