"""Ranges of activations."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

CalibrationMethod = Literal["minmax"]


@dataclasses.dataclass(frozen=True)
class Range:
    """Least and greatest value of a tensor."""

    minimum: float
    maximum: float


class Observer:
    """Takes values one array after another."""

    def __init__(self) -> None:
        self._range = Range(np.inf, -np.inf)

    def update(self, array: np.ndarray) -> None:
        """Takes the values of an array."""
        if array.size:
            self._range = Range(
                min(self._range.minimum, float(np.min(array))),
                max(self._range.maximum, float(np.max(array))),
            )

    def range(self) -> Range:
        """The range of all values so far."""
        return self._range


def make_observer(method: CalibrationMethod = "minmax") -> Observer:
    """An observer of a method."""
    return Observer()
