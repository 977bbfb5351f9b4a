"""The range whose uint8 values have the least mean squared error over a histogram.

A wide range has large steps; a narrow one cuts off values. Values are taken as evenly spread inside
of a bin, and the error of a bin is then an integral with a closed form, exact however many steps
the bin spans. Candidates shrink the bounds seen: both by one factor first, then one at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tfsparse.conversion.histogram import Histogram
from tfsparse.conversion.quantization import activation_params

_COARSE = 2.0 ** (-np.arange(0, 14, 0.125))
"""Factors tried for both bounds: to 1/16384, as few outliers among many values may be cut far."""

_FINE = (2.0 ** np.arange(-0.5, 0.51, 0.125), 2.0 ** np.arange(-0.1, 0.11, 0.02))
"""Factors tried for one bound around the best so far, in turn."""

_NARROW = 1e-2
"""Bins narrower than this share of a step are taken at their middle, where the integral cancels."""


def least_error_range(histogram: Histogram) -> tuple[float, float]:
    """The bounds that `activation_params` should be given.

    Args:
        histogram: Values, at least one.

    Returns:
        Least and greatest value of the range, within what was seen.
    """
    bins = histogram.bins()
    low, high = min(histogram.minimum, 0.0), max(histogram.maximum, 0.0)
    best = _best(bins, ((low * factor, high * factor) for factor in _COARSE))
    best = _best(bins, [best, (low, best[1]), (best[0], high)])
    for factors in _FINE:
        for _ in range(2):
            best = _best(bins, ((max(low, best[0] * factor), best[1]) for factor in factors))
            best = _best(bins, ((best[0], min(high, best[1] * factor)) for factor in factors))
    return float(best[0]), float(best[1])


def quantization_error(
    bins: tuple[np.ndarray, np.ndarray, np.ndarray], minimum: float, maximum: float
) -> float:
    """The sum of squared errors of values read as uint8.

    Args:
        bins: Lower edges, upper edges and counts of values.
        minimum: Least value of the range that uint8 covers.
        maximum: Its greatest value.

    Returns:
        The sum.
    """
    params = activation_params(minimum, maximum)
    low, high, counts = bins
    first, last = (edge / params.scale + params.zero_point for edge in (low, high))
    width = last - first
    narrow = width < _NARROW
    middle = (first + last) / 2
    at_middle = np.square(middle - _step(middle))
    integral = _integral(last) - _integral(first)
    errors = np.where(narrow, at_middle, integral / np.where(narrow, 1.0, width))
    return float(np.dot(errors, counts)) * params.scale**2


def _best(
    bins: tuple[np.ndarray, np.ndarray, np.ndarray], candidates: Iterable[tuple[float, float]]
) -> tuple[float, float]:
    return min(candidates, key=lambda bounds: quantization_error(bins, *bounds))


def _step(u: np.ndarray) -> np.ndarray:
    """The uint8 value of u."""
    step: np.ndarray = np.clip(np.rint(u), 0, 255)
    return step


def _integral(u: np.ndarray) -> np.ndarray:
    """The integral of ``(t - step(t))**2`` over t from 0 to u: each whole step adds 1/12."""
    step = _step(u)
    integral: np.ndarray = step / 12 + (u - step) ** 3 / 3
    return integral
