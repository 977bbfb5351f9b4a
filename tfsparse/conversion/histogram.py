"""Counts the values of a tensor in bounded memory, whatever their magnitudes.

A bin holds the float32 values that agree in sign, exponent and first six bits of the mantissa. So
each is at most 1/64 of its value wide, one outlier does not widen the others, nothing has to be
known of the range beforehand, and the order of the data does not matter. It takes 256 KB.
"""

from __future__ import annotations

import numpy as np

_DROPPED = 17
"""Bits of a float32 that do not tell bins apart: 23 of the mantissa, without the first six."""

_BINS = 1 << (32 - _DROPPED)
_HALF = _BINS // 2

_TINY = float(np.finfo(np.float32).tiny)
"""Values up to here are mostly zeros, and are taken for zeros."""

_CHUNK = 1 << 20
"""Values that are counted at a time; `numpy.bincount` takes 8 bytes for each."""


class Histogram:
    """Counts of values by bin.

    Attributes:
        minimum: Least value seen, infinity before the first.
        maximum: Greatest value seen, minus infinity before the first.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self.minimum = np.inf
        self.maximum = -np.inf

    def update(self, values: np.ndarray) -> None:
        """Counts values.

        Args:
            values: Finite values, of any shape.
        """
        flat = np.ravel(values).astype(np.float32, copy=False)
        for start in range(0, flat.size, _CHUNK):
            chunk = np.ascontiguousarray(flat[start : start + _CHUNK])
            self._counts += np.bincount(chunk.view(np.uint32) >> _DROPPED, minlength=_BINS)
            self.minimum = min(self.minimum, float(chunk.min()))
            self.maximum = max(self.maximum, float(chunk.max()))

    def bins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The bins that hold something, in order of their values.

        Returns:
            Lower and upper edge, float64 and within the least and greatest value seen, and count.
        """
        order = np.concatenate([np.arange(_BINS - 1, _HALF - 1, -1), np.arange(_HALF)])
        keys = order[self._counts[order] > 0].astype(np.uint32)
        inner = (keys << _DROPPED).view(np.float32).astype(np.float64)
        # The last bin of finite values ends where infinity would be.
        following = np.nextafter(np.float32(np.inf), np.float32(0)).astype(np.float64)
        with np.errstate(over="ignore"):
            ends = ((keys + 1) << _DROPPED).view(np.float32).astype(np.float64)
        outer = np.where(np.isfinite(ends), ends, np.copysign(following, inner))
        edges = np.stack([inner, outer])
        edges[np.abs(edges) <= _TINY] = 0.0
        edges = np.clip(edges, self.minimum, self.maximum)
        return edges.min(axis=0), edges.max(axis=0), self._counts[keys]

    def quantile(self, share: float) -> float:
        """The value below which a share of all values lies, as `numpy.quantile` to the bin's width.

        Args:
            share: In 0..1.

        Returns:
            The value, inside of a bin by the count below it.
        """
        low, high, counts = self.bins()
        ends = np.cumsum(counts)
        position = share * (ends[-1] - 1)
        if position <= 0 or position >= ends[-1] - 1:
            return self.minimum if share < 0.5 else self.maximum
        index = int(np.searchsorted(ends, position, side="right"))
        rank = position - (ends[index] - counts[index])
        part = min(rank / (counts[index] - 1), 1.0) if counts[index] > 1 else 0.5
        return float(low[index] + part * (high[index] - low[index]))
