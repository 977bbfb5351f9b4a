"""Checks of what a model is called with."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfsparse.serving.signature import Spec


def checked(spec: Spec, value: Any) -> np.ndarray:
    """An input as an array of the right type and shape.

    Lists and numbers become the type that is wanted. What has a type of its own has to have the
    right one: to round it here would hide a mistake.

    Args:
        spec: What is wanted.
        value: An array, or what NumPy makes one of.

    Raises:
        TypeError: If it is of another type.
        ValueError: If it has another shape.
    """
    array = value if type(value) is np.ndarray else _array(spec, value)
    if array.dtype != spec.dtype or spec.dtype == object:
        array = _texts(spec, array)
    if not spec.takes(array.shape):
        raise ValueError(
            f"`{spec.name}` should have the shape {spec.shape}, with any size for None. "
            f"Received: shape {array.shape}"
        )
    return array


def _array(spec: Spec, value: Any) -> np.ndarray:
    try:
        return np.asarray(value, None if hasattr(value, "dtype") else spec.dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(
            f"`{spec.name}` should be an array of {spec.dtype}. Received: {type(value).__name__}, "
            f"of which NumPy says: {error}"
        ) from error


def _texts(spec: Spec, array: np.ndarray) -> np.ndarray:
    if spec.dtype != object:
        raise TypeError(f"`{spec.name}` should be of {spec.dtype}. Received: {array.dtype}")
    wrong = next((each for each in array.flat if not isinstance(each, str | bytes)), None)
    if wrong is not None:
        raise TypeError(
            f"`{spec.name}` should hold texts, of str or bytes. Received: {wrong!r} of type "
            f"{type(wrong).__name__}"
        )
    return array
