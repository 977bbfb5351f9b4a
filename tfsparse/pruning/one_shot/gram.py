"""Second moments of what a layer sees: ``H = E[x x^T]``, streamed, in double precision.

A batch is multiplied in float32 and added up in float64, as sums over many batches have to be.
Errors of float32 are relative to the sizes of the inputs, so these are taken from an origin near
their mean, that of the first batch. Memory is that of H, whatever the data.

Damping. From n examples H has a rank of at most n, and inputs that always agree make it
singular whatever n is. So a share of the mean of its diagonal is added to the diagonal, which
is ridge regression towards the weights that were there. An H of zeros (an input that
never was anything else) becomes the identity: there is nothing to know but the weights.

Bias. Where the layer has a bias that may change, it takes over the mean of what is lost, and
what is left to make up for is the covariance: ``H - m m^T``, with m = E[x].

Reference:

- Frantar and Alistarh, "SparseGPT", ICML 2023 (damping relative to the mean of the diagonal).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Moments:
    """What the inputs of one matrix are like.

    Attributes:
        hessian: float64 ``(inputs, inputs)``, damped.
        inverse: Its inverse.
        mean: float64 ``(inputs,)``; zeros where there is no bias to take it over.
    """

    hessian: np.ndarray
    inverse: np.ndarray
    mean: np.ndarray


class Gram:
    """Sums over the inputs of a layer.

    Args:
        groups: Number of matrices in the kernel of the layer.
        inputs: Inputs of each.
    """

    def __init__(self, groups: int, inputs: int) -> None:
        self.count = 0
        self._origin: np.ndarray | None = None  # (groups, 1, inputs)
        self._squares = np.zeros((groups, inputs, inputs))  # from the origin, and so are the sums
        self._sums = np.zeros((groups, inputs))
        self._moments: dict[tuple[int, float, bool], Moments] = {}

    def add(self, pieces: Iterable[np.ndarray]) -> None:
        """Adds inputs.

        Args:
            pieces: float32 arrays ``(groups, n, inputs)``.
        """
        for piece in pieces:
            if self._origin is None and piece.shape[1]:
                self._origin = piece.mean(axis=1, keepdims=True)
            with np.errstate(invalid="ignore", over="ignore"):  # `is_finite` tells
                self._add(piece - self._origin if self._origin is not None else piece)
            self.count += piece.shape[1]

    def _add(self, piece: np.ndarray) -> None:
        for group, rows in enumerate(piece):
            self._squares[group] += rows.T @ rows
            self._sums[group] += rows.sum(axis=0, dtype=np.float64)

    @property
    def is_finite(self) -> bool:
        """Whether no input was NaN or infinite."""
        # One that is not is also on the diagonal.
        return bool(np.isfinite(np.einsum("gii->gi", self._squares)).all())

    def moments(self, group: int, damping: float, centered: bool) -> Moments:
        """What the inputs of one matrix are like, once all were added.

        Args:
            group: Which matrix.
            damping: Share of the mean of the diagonal that is added to it.
            centered: Whether the mean is taken out.
        """
        key = group, damping, centered
        if key not in self._moments:
            self._moments[key] = self._computed(*key)
        return self._moments[key]

    def _computed(self, group: int, damping: float, centered: bool) -> Moments:
        hessian = self._squares[group] / max(1, self.count)
        mean = self._sums[group] / max(1, self.count)
        hessian -= np.outer(mean, mean)
        if self._origin is not None:
            mean += self._origin[group, 0]
        if not centered:
            hessian += np.outer(mean, mean)
            mean = np.zeros_like(mean)
        diagonal = np.einsum("ii->i", hessian)
        size = diagonal.mean()
        diagonal += damping * size if size > 0.0 else 1.0
        return Moments(hessian, np.linalg.inv(hessian), mean)
