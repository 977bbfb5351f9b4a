"""Makes arrays fit the inputs of a signature: rank, type, and the size of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.data_forms import is_array

Batch = dict[str, np.ndarray]


def checked(key: str, value: Any, spec: tf.TensorSpec) -> np.ndarray:
    """The value as an array, of a shape and type that an input takes.

    Args:
        key: Name of the input.
        value: An array or the like.
        spec: What the input takes. The size of a fixed batch is not looked at.

    Returns:
        The array, not cast yet.

    Raises:
        ValueError: If it does not fit.
    """
    if not is_array(value) and not isinstance(value, list | tuple | int | float):
        raise ValueError(
            f"`calibration_data` for input {key!r} should be an array. "
            f"Received: {type(value).__name__}"
        )
    array = np.asarray(value)
    text = array.dtype.kind in "OSU"
    castable = np.can_cast(array.dtype, spec.dtype.as_numpy_dtype, "same_kind")
    if spec.dtype == tf.bfloat16:  # NumPy does not know its kind.
        castable = array.dtype.kind in "fiub" or array.dtype == spec.dtype.as_numpy_dtype
    if text != (spec.dtype == tf.string) or not (text or castable):
        raise ValueError(
            f"`calibration_data` for input {key!r} should be of type {spec.dtype.name}. "
            f"Received: {array.dtype}"
        )
    array = _of_rank(array, spec.shape)
    open_batch = tf.TensorShape([None, *spec.shape[1:]]) if spec.shape.rank else spec.shape
    if not open_batch.is_compatible_with(array.shape):
        unbatched = tf.TensorShape([None, *array.shape]).is_compatible_with(open_batch)
        raise ValueError(
            f"`calibration_data` for input {key!r} should have the shape {spec.shape}. "
            f"Received: {array.shape}" + (", one example without a batch" if unbatched else "")
        )
    return array


def _of_rank(array: np.ndarray, shape: tf.TensorShape) -> np.ndarray:
    """Adds or drops a last axis of size 1, as Keras does."""
    if shape.rank == array.ndim + 1 and shape.rank >= 2 and shape[-1] == 1:
        return array[..., np.newaxis]
    if shape.rank is not None and array.ndim == shape.rank + 1 and array.shape[-1] == 1:
        return array[..., 0]
    return array


def cut(
    arrays: Batch, inputs: Mapping[str, tf.TensorSpec], size: int | None = None
) -> Iterator[Batch]:
    """Cuts along the first axis where `size` or a fixed batch size asks for it.

    With a fixed size a last batch that would be short overlaps, and too few rows are repeated.

    Args:
        arrays: Input name to array.
        inputs: Input name to spec.
        size: Rows of a batch where the inputs leave it open; None for all.

    Yields:
        The batches.

    Raises:
        ValueError: If the arrays to cut are not of one length.
    """
    lengths = {
        key: len(array)
        for key, array in arrays.items()
        if array.ndim and inputs[key].shape.rank != 0
    }
    fixed = {inputs[key].shape[0] for key in lengths if inputs[key].shape.rank} - {None}
    if len(set(lengths.values())) > 1 and (size is not None or fixed):
        raise ValueError(
            f"`calibration_data` should hold arrays of one length. Received: lengths {lengths}"
        )
    total = min(lengths.values(), default=0)
    size = min(fixed, default=size)
    if not lengths or size is None:
        yield arrays
        return
    if fixed and 0 < total < size:
        rows = np.arange(size) % total
        yield {key: array[rows] if key in lengths else array for key, array in arrays.items()}
        return
    for start in range(0, total, size):
        first = min(start, total - size) if fixed else start
        yield {
            key: array[first : first + size] if key in lengths else array
            for key, array in arrays.items()
        }
