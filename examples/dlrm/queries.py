"""Queries as MLPerf's DLRM benchmark has them: samples of 100 to 700 items, 270 on average.

An item is a pair of a user and something to show. Ids have no skew, or Zipf's: few rows are asked
for most of the time, and are then in a cache.
"""

from __future__ import annotations

import dataclasses

import numpy as np

LEAST, MOST, MEAN = 100, 700, 270
ZIPF_EXPONENT = 1.1
_SCALE = 203.0
"""Of the exponential distribution which, cut off at 600, has the mean 170."""


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Samples of items.

    Attributes:
        dense: float32, ``(items, 13)``, of all samples.
        ids: int32, ``(items, tables)``.
        first: For each sample its first item, and the number of all items at the end.
    """

    dense: np.ndarray
    ids: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.first) - 1

    def items(self, sample: int) -> slice:
        """The items of a sample."""
        return slice(int(self.first[sample]), int(self.first[sample + 1]))

    @property
    def mean_items(self) -> float:
        """Items of a sample on average."""
        return float(self.first[-1]) / len(self)


def draw(count: int, table_sizes: list[int], skew: str, seed: int = 0) -> Samples:
    """Draws samples.

    Args:
        count: How many.
        table_sizes: Rows of each table.
        skew: ``"uniform"`` or ``"zipf"``.
        seed: Of everything.
    """
    rng = np.random.default_rng(seed)
    lengths = LEAST + _cut_exponential(rng, count, MOST - LEAST)
    first = np.concatenate([[0], np.cumsum(lengths)])
    items = int(first[-1])
    ids = np.stack([_ids(rng, items, rows, skew) for rows in table_sizes], axis=1)
    dense = np.log1p(rng.geometric(0.05, (items, 13))).astype(np.float32)
    return Samples(dense, ids.astype(np.int32), first)


def _cut_exponential(rng: np.random.Generator, count: int, most: int) -> np.ndarray:
    # Stratified sampling: one draw from each of `count` equal parts of [0, 1).
    share = (rng.permutation(count) + rng.random(count)) / count * (1 - np.exp(-most / _SCALE))
    return np.rint(-_SCALE * np.log1p(-share)).astype(np.int64)


def _ids(rng: np.random.Generator, items: int, rows: int, skew: str) -> np.ndarray:
    if skew == "uniform":
        return rng.integers(0, rows, items)
    weight = np.cumsum(np.arange(1, rows + 1, dtype=np.float64) ** -ZIPF_EXPONENT)
    rank = np.searchsorted(weight, rng.random(items) * weight[-1])
    return rng.permutation(rows)[np.minimum(rank, rows - 1)]
