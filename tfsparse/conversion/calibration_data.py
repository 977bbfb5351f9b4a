"""Reads calibration data, in whatever form it comes, as batches of named inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

CHUNK = 64
"""Rows of an array that are run at a time where the batch size is open."""

DEFAULT_BATCHES = 100
"""Batches that are read of what may have no end."""

Batch = dict[str, np.ndarray]

_FORMS = (
    "`calibration_data` should be an array, a dict of input name to array, an iterable of "
    "batches, or a tf.data.Dataset."
)


def batches(data: Any, inputs: Mapping[str, tf.TensorSpec]) -> Iterator[Batch]:
    """Yields calibration data as dicts of input name to array.

    Arrays are cut into batches along their first axis. Elements of an iterable or a
    `tf.data.Dataset` are batches already: an array, a dict, or as in Keras a tuple
    ``(x, y)`` or ``(x, y, sample_weight)`` of which only x is read; the data as a whole may be
    such a tuple too.

    Args:
        data: The calibration data.
        inputs: Input name to spec of the signature that will be fed.

    Yields:
        Batches that the signature takes, cast to its types. Inputs in the data that the
        signature does not have are left out.

    Raises:
        ValueError: If the data is missing, of another form, lacks an input, does not
            fit an input's shape or type, or holds NaN or Inf.
    """
    if data is None:
        raise ValueError(
            "`calibration_data` should be given for precision='int8': the ranges of activations "
            "are read from it. Received: calibration_data=None"
        )
    if isinstance(data, tuple) and data:
        data = data[0]
    if is_whole(data):
        yield from _cut(_named(data, inputs), inputs)
        return
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise ValueError(f"{_FORMS} Received: {type(data).__name__}")
    for element in data:
        x = element[0] if isinstance(element, tuple) and element else element
        yield _named(x, inputs)


def is_whole(data: Any) -> bool:
    """Whether data is all there, as arrays, and has an end."""
    if isinstance(data, tuple) and data:
        data = data[0]
    return _is_array(data) or isinstance(data, Mapping)


def of_signatures(data: Any, signatures: Collection[str], inputs: Collection[str]) -> Any:
    """The part of calibration data that belongs to signatures.

    Args:
        data: Calibration data for all signatures, or a dict of signature to its data.
        signatures: Signatures that share one graph; the first one found counts.
        inputs: Input names of that graph; a dict that holds them is data itself.

    Returns:
        The data for the signatures.
    """
    if isinstance(data, Mapping) and not set(inputs) <= set(data):
        for key in signatures:
            if key in data:
                return data[key]
    return data


def _is_array(data: Any) -> bool:
    return isinstance(data, np.ndarray | np.generic) or tf.is_tensor(data)


def _named(x: Any, inputs: Mapping[str, tf.TensorSpec]) -> Batch:
    if not isinstance(x, Mapping):
        if not _is_array(x):
            raise ValueError(f"{_FORMS} Received: a batch of type {type(x).__name__}")
        if len(inputs) != 1:
            raise ValueError(
                "`calibration_data` should name its arrays with a dict, because the model has "
                f"the inputs {sorted(inputs)}. Received: one array without a name"
            )
        x = {next(iter(inputs)): x}
    missing = sorted(set(inputs) - set(x))
    if missing:
        raise ValueError(
            f"`calibration_data` should hold the inputs {sorted(inputs)}. "
            f"Received: {sorted(map(str, x))}, without {missing}"
        )
    return {key: _checked(key, x[key], spec) for key, spec in inputs.items()}


def _checked(key: str, value: Any, spec: tf.TensorSpec) -> np.ndarray:
    array = np.asarray(value)
    wanted = spec.dtype.as_numpy_dtype
    if spec.dtype != tf.string:
        if not np.can_cast(array.dtype, wanted, "same_kind") or array.dtype.kind in "OSU":
            raise ValueError(
                f"`calibration_data` for input {key!r} should be of type {spec.dtype.name}. "
                f"Received: {array.dtype}"
            )
        array = array.astype(wanted, copy=False)
    open_batch = tf.TensorShape([None, *spec.shape[1:]]) if spec.shape.rank else spec.shape
    if not open_batch.is_compatible_with(array.shape):
        raise ValueError(
            f"`calibration_data` for input {key!r} should have the shape {spec.shape}. "
            f"Received: {array.shape}"
        )
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise ValueError(
            f"`calibration_data` should be finite. Received: NaN or Inf in input {key!r}"
        )
    return array


def _cut(arrays: Batch, inputs: Mapping[str, tf.TensorSpec]) -> Iterator[Batch]:
    """Cuts along the first axis; a last batch that a fixed size leaves short overlaps."""
    lengths = {key: len(array) for key, array in arrays.items() if inputs[key].shape.rank}
    total = min(lengths.values(), default=0)
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"`calibration_data` should hold arrays of one length. Received: lengths {lengths}"
        )
    fixed = {inputs[key].shape[0] for key in lengths} - {None}
    size = min(fixed, default=CHUNK)
    if not lengths or (fixed and total < size):
        yield arrays
        return
    for start in range(0, total, size):
        first = min(start, total - size) if fixed else start
        yield {
            key: array[first : first + size] if key in lengths else array
            for key, array in arrays.items()
        }
