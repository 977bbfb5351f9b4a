"""Views whose clicks a planted teacher draws, as many as are asked for.

What. A random function, the teacher, says how likely each view is to be clicked; labels are drawn
with that probability. So data never run short, the best possible AUC is known (the teacher's own),
and what pruning costs can be told from what a lack of data costs.

How. The teacher is a small DLRM: 13 normal numbers through a random layer of tanh, a random vector
of 8 for each row of 26 tables, the dot products of all pairs of these, and a random layer of 64
ReLUs on them. Half of the variance of its logit is that, the other half a random popularity of each
row, as in real clicks, where single ids tell much. Tables have 4 to 2000 rows, and ids follow
Zipf's law, so that most rows are rare. A quarter of the views is clicked.

Contract. The same seed gives the same views on every machine, up to float rounding; the
first views of a longer draw are those of a shorter one.
"""

from __future__ import annotations

import numpy as np

from .clicks import Clicks

NUMBERS, WIDTH, HIDDEN = 13, 8, 64
TABLE_SIZES = [int(size) for size in np.geomspace(4, 2000, 26).round()]
"""Rows of the tables."""

CLICK_RATE, SPREAD, ZIPF = 0.25, 1.7, 1.05
CHUNK = 1 << 14
TRAIN, TEST, NORMALIZING = range(3)
"""Parts of the data: no view of one comes from the random numbers of another."""


class Teacher:
    """A random function from views to the logits of a click.

    Args:
        seed: The same one gives the same teacher and the same views.
    """

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, 1000])
        self.seed = seed
        tables = len(TABLE_SIZES)
        pairs = (tables + 1) * tables // 2
        self._numbers = _normal(rng, NUMBERS, WIDTH) * NUMBERS**-0.5
        self._rows = [_normal(rng, size, WIDTH) for size in TABLE_SIZES]
        self._popularity = [_normal(rng, size) for size in TABLE_SIZES]
        self._hidden = _normal(rng, pairs + WIDTH, HIDDEN) * (pairs + WIDTH) ** -0.5
        self._last = _normal(rng, HIDDEN)
        shares = [1 / np.arange(1, size + 1) ** ZIPF for size in TABLE_SIZES]
        self._below = [np.cumsum(share) / share.sum() for share in shares]
        dense, ids = self._views(NORMALIZING, 0)
        parts = self._parts(dense, ids)
        self._means = [float(part.mean()) for part in parts]
        self._scales = [SPREAD * 0.5**0.5 / float(part.std()) for part in parts]
        self._intercept = 0.0
        self._intercept = _intercept(self.logits(dense, ids))

    def logits(self, dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The logits of the probability of a click.

        Args:
            dense: float32, ``(views, 13)``.
            ids: int32, ``(views, 26)``.

        Returns:
            float32, ``(views,)``.
        """
        sums = np.full(len(ids), self._intercept, np.float32)
        for begin in range(0, len(ids), CHUNK):
            rows = slice(begin, begin + CHUNK)
            parts = self._parts(dense[rows], ids[rows])
            for part, mean, scale in zip(parts, self._means, self._scales, strict=True):
                sums[rows] += (part - mean) * scale
        return sums

    def draw(self, views: int, part: int) -> Clicks:
        """Draws views and their clicks.

        Args:
            views: How many.
            part: `TRAIN` or `TEST`.
        """
        chunks = [self._clicks(part, place) for place in range(-(-views // CHUNK))]
        return Clicks(*map(np.concatenate, zip(*chunks, strict=True))).taken(slice(views))

    def _clicks(self, part: int, chunk: int) -> Clicks:
        dense, ids = self._views(part, chunk)
        drawn = np.random.default_rng([self.seed, part, chunk, 1]).random(CHUNK, np.float32)
        labels = drawn < 1 / (1 + np.exp(-self.logits(dense, ids)))
        return Clicks(dense, ids, labels.astype(np.float32))

    def _views(self, part: int, chunk: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, part, chunk, 0])
        dense = _normal(rng, CHUNK, NUMBERS)
        ids = [np.searchsorted(below, rng.random(CHUNK), "right") for below in self._below]
        highest = np.asarray(TABLE_SIZES) - 1
        return dense, np.minimum(np.stack(ids, axis=1), highest).astype(np.int32)

    def _parts(self, dense: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Popularity and interaction, both before they are normalized."""
        popularity = sum(each[column] for each, column in zip(self._popularity, ids.T, strict=True))
        vector = np.tanh(dense @ self._numbers)
        rows = [each[column] for each, column in zip(self._rows, ids.T, strict=True)]
        vectors = np.stack([vector, *rows], axis=1)
        dots = vectors @ vectors.transpose(0, 2, 1)
        count = vectors.shape[1]
        rows_below, columns_below = np.tril_indices(count, -1)
        flat = dots.reshape(-1, count * count)
        pairs = flat.take(rows_below * count + columns_below, axis=1) * WIDTH**-0.5
        features = np.concatenate([vector, pairs], axis=1)
        return np.asarray(popularity), np.maximum(features @ self._hidden, 0) @ self._last


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def _intercept(logits: np.ndarray) -> float:
    """What to add to logits so that their mean probability is the click rate, by bisection."""
    low, high = -20.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-(logits + middle)))).mean() > CLICK_RATE:
            high = middle
        else:
            low = middle
    return middle
