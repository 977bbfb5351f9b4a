"""Ranges of activations, made from one array of values after another.

``"minmax"`` takes the least and the greatest value. ``"percentile"`` cuts off the rarest, so that
one outlier does not make the steps of all others coarse. ``"mse"`` takes the range whose uint8
values have the least mean squared error. The last two look at a histogram of all values.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np

from tfsparse.conversion.histogram import Histogram
from tfsparse.conversion.least_error import least_error_range

CalibrationMethod = Literal["minmax", "percentile", "mse"]


@dataclasses.dataclass(frozen=True)
class Percentile:
    """A percentile of one's own, where ``"percentile"`` is ``Percentile(99.99)``.

    Attributes:
        percent: The range goes from the percentile ``100 - percent`` to the percentile `percent`.
    """

    percent: float = 99.99

    def __post_init__(self) -> None:
        if not 50 < self.percent <= 100:
            raise ValueError(
                "`percent` should be more than 50 and at most 100. "
                f"Received: percent={self.percent!r}"
            )


@dataclasses.dataclass(frozen=True)
class Range:
    """Least and greatest value of a tensor; the least is greater where no value was seen."""

    minimum: float
    maximum: float


class Observer(ABC):
    """Sees the values of a tensor, one array after another, and makes a range of them."""

    def update(self, value: Any) -> None:
        """Sees values.

        Args:
            value: An array or tensor of any shape, also without elements.

        Raises:
            ValueError: If a value is not finite.
        """
        array = np.asarray(value)
        if not array.size:
            return
        low, high = float(array.min()), float(array.max())
        if not np.isfinite([low, high]).all():
            raise ValueError("`value` should be finite. Received: an array with NaN or Inf")
        self._see(array, low, high)

    @abstractmethod
    def _see(self, array: np.ndarray, low: float, high: float) -> None:
        """Sees an array that is not empty, and its least and greatest value."""

    @abstractmethod
    def range(self) -> Range:
        """The range of what was seen; from infinity to minus infinity if nothing was."""


def make_observer(method: CalibrationMethod | Percentile = "minmax") -> Observer:
    """Makes an observer for one tensor.

    Args:
        method: ``"minmax"``, ``"percentile"``, a `Percentile`, or ``"mse"``.

    Returns:
        The observer.

    Raises:
        ValueError: If the method is none of these.

    Example:

    >>> observer = make_observer("minmax")
    >>> observer.update(np.array([1.0, 3.0]))
    >>> observer.update(np.array([-2.0]))
    >>> observer.range()
    Range(minimum=-2.0, maximum=3.0)
    """
    if method == "minmax":
        return _MinMax()
    if method == "percentile":
        return _Percentiles(Percentile())
    if isinstance(method, Percentile):
        return _Percentiles(method)
    if method == "mse":
        return _LeastError()
    raise ValueError(
        "`method` should be 'minmax', 'percentile', a Percentile or 'mse'. "
        f"Received: method={method!r}"
    )


class _MinMax(Observer):
    def __init__(self) -> None:
        self._range = Range(np.inf, -np.inf)

    def _see(self, array: np.ndarray, low: float, high: float) -> None:
        self._range = Range(min(self._range.minimum, low), max(self._range.maximum, high))

    def range(self) -> Range:
        return self._range


class _OfHistogram(Observer):
    def __init__(self) -> None:
        self._histogram = Histogram()

    def _see(self, array: np.ndarray, low: float, high: float) -> None:
        self._histogram.update(array)

    def range(self) -> Range:
        if self._histogram.minimum > self._histogram.maximum:
            return Range(np.inf, -np.inf)
        return Range(*self._bounds())

    @abstractmethod
    def _bounds(self) -> tuple[float, float]:
        """The bounds of what was seen, which is something."""


class _Percentiles(_OfHistogram):
    def __init__(self, percentile: Percentile) -> None:
        super().__init__()
        self._share = percentile.percent / 100

    def _bounds(self) -> tuple[float, float]:
        low, high = (self._histogram.quantile(share) for share in (1 - self._share, self._share))
        return low, high


class _LeastError(_OfHistogram):
    def _bounds(self) -> tuple[float, float]:
        return least_error_range(self._histogram)
