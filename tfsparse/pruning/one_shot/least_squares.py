"""The weights that make up best for those that are gone.

For a mask of blocks that are kept, the weights ``V``, zero outside of it, that change the
outputs least: the minimum of ``tr((W - V) H (W - V)^T)``. The rows of a row of blocks share
their mask P of inputs that are gone and S of inputs that stay. Either of two systems gives the same
weights, so the smaller one is solved:

``V = W - W_P ([H^-1]_PP)^-1 [H^-1]_P,:``    or    ``V_S = (W H)_S (H_SS)^-1``

Cost: for R rows of blocks and K inputs, R factorizations of at most K/2 x K/2.
"""

from __future__ import annotations

import numpy as np


def compensated(
    weights: np.ndarray, hessian: np.ndarray, inverse: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """Weights with zeros where blocks are gone, and the others changed to make up for them.

    Args:
        weights: float64 ``(rows, A, inputs)``, the rows of a row of blocks together.
        hessian: float64 ``(inputs, inputs)``, symmetric and positive definite.
        inverse: Its inverse.
        kept: bool ``(rows, inputs)``, the inputs that stay.

    Returns:
        float64 of the shape of `weights`.

    Example:

    >>> hessian = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> kept = np.array([[True, False]])
    >>> compensated(np.ones((1, 1, 2)), hessian, np.linalg.inv(hessian), kept).tolist()
    [[[1.5, 0.0]]]
    """
    result = np.zeros_like(weights)
    for row, stays in enumerate(kept):
        old, new = weights[row], result[row]
        if 2 * np.count_nonzero(stays) < stays.size:
            left = hessian[np.ix_(stays, stays)]
            new[:, stays] = np.linalg.solve(left, hessian[stays] @ old.T).T
        else:
            gone = inverse[~stays]
            shares = np.linalg.solve(gone[:, ~stays], old[:, ~stays].T).T
            new[:, stays] = old[:, stays] - shares @ gone[:, stays]
    return result
