"""Numbers for elements that are moved, so that it can be read off a result where each came from.

A number is written as digits small enough for half precision, one run a digit. No digit is zero, so
that a zero in the result is none of the elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

ZERO = -1
"""The source of an element that is zero, whatever the sources are."""

_DIGITS = 100
"""Base of the digits of numbers. Half precision and bfloat16 hold all integers up to twice that."""


def read_numbers(
    run: Callable[..., np.ndarray], numbers: Sequence[np.ndarray], size: int, count: int
) -> np.ndarray:
    """Lets numbers below `count` run through, one digit after the other; `ZERO` for zeros."""
    total, unit = None, 1
    while unit < count or total is None:
        digits = [number // unit % _DIGITS + 1 for number in numbers]
        found = np.rint(run(digits, size)).astype(np.int64)
        value = (found - 1) * unit
        zero = found == 0
        total = np.where(zero, ZERO, value if total is None else total + value)
        unit *= _DIGITS
    return total


def is_confirmed(
    run: Callable[..., np.ndarray], items: Sequence[tuple[int, ...]], numbers: np.ndarray, size: int
) -> bool:
    """Whether random values go where numbers went."""
    rng = np.random.default_rng(0)
    # Of few bits, so that half precision holds them.
    values = [rng.integers(-120, 121, (size, *item)).astype(np.float32) for item in items]
    flat = np.concatenate([value.reshape(size, -1) for value in values], axis=1)
    expected = np.where(numbers == ZERO, 0, flat[:, np.maximum(numbers, 0)])
    return bool(np.array_equal(run(values, size), expected))
