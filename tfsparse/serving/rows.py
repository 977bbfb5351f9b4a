"""Examples as batches and results as examples, as frameworks for many machines hand them over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsparse.serving.served_model import ServedModel
from tfsparse.serving.signature import Spec


def call_columns(model: ServedModel, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Runs a model on whole columns.

    Args:
        model: The model.
        columns: Name of each input to its values for all examples. Numbers of another type are
            cast, as frameworks know fewer types than models.

    Returns:
        Name of each output to its values.

    Raises:
        ValueError: If a column is missing, or has integers that the model's type does not hold.
    """
    inputs = model.signature.inputs
    missing = sorted(set(inputs) - set(columns) - set(model.signature.defaults))
    if missing:
        raise ValueError(
            f"The data should have the columns {sorted(inputs)}. Received: {sorted(columns)}, "
            f"without {missing}"
        )
    given = {name: _as(spec, columns[name]) for name, spec in inputs.items() if name in columns}
    outputs: dict[str, np.ndarray] = model(given)
    return outputs


def stack(model: ServedModel, examples: Sequence[Any]) -> dict[str, np.ndarray]:
    """Single examples as columns: arrays where the model has one input, or dicts of them."""
    inputs = model.signature.inputs
    if isinstance(examples[0], Mapping):
        return {name: np.stack([each[name] for each in examples]) for name in examples[0]}
    if len(inputs) != 1:
        raise ValueError(
            f"Examples should be dicts with the inputs {sorted(inputs)}. Received: "
            f"{type(examples[0]).__name__}"
        )
    return {next(iter(inputs)): np.stack([np.asarray(each) for each in examples])}


def unstack(outputs: Mapping[str, np.ndarray], count: int) -> list[Any]:
    """The result of each example: an array where there is one output, or a dict.

    Raises:
        ValueError: If an output does not have a row for each example.
    """
    for name, value in outputs.items():
        if value.shape[:1] != (count,):
            raise ValueError(
                f"Output {name!r} should have a row for each of the {count} examples. Received: "
                f"shape {value.shape}"
            )
    if len(outputs) == 1:
        (only,) = outputs.values()
        return list(only)
    return [{name: value[row] for name, value in outputs.items()} for row in range(count)]


def _check_range(spec: Spec, array: np.ndarray) -> None:
    """Refuses integers that a cast to the model's type would change."""
    if array.dtype.kind not in "iu" or spec.dtype.kind not in "iu" or not array.size:
        return
    low, high, limits = int(array.min()), int(array.max()), np.iinfo(spec.dtype)
    if low < limits.min or high > limits.max:
        raise ValueError(
            f"`{spec.name}` should be in the range of {spec.dtype}. Received: values from {low} to "
            f"{high}"
        )


def _of_bytes(spec: Spec, rows: list[bytes]) -> np.ndarray:
    """Rows of bytes that are the numbers of an example each, in the model's type."""
    sizes = [size for size in (spec.shape or ())[1:] if size is not None]
    if not spec.shape or len(sizes) != len(spec.shape) - 1:
        raise ValueError(
            f"`{spec.name}` should be a column of arrays, as not all sizes of an example are "
            f"known. Received: a column of bytes, for shape {spec.shape}"
        )
    wanted, lengths = spec.dtype.itemsize * math.prod(sizes), sorted({len(row) for row in rows})
    if lengths != [wanted]:
        raise ValueError(
            f"`{spec.name}` should be a column of {wanted} bytes an example, {spec.dtype}{sizes}. "
            f"Received: {lengths} bytes"
        )
    return np.frombuffer(b"".join(rows), spec.dtype).reshape(-1, *sizes)


def _as(spec: Spec, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype == object and spec.dtype != object and array.size:
        rows = list(array)
        array = _of_bytes(spec, rows) if isinstance(rows[0], bytes) else np.stack(rows)
    if spec.shape is not None and array.ndim < len(spec.shape) and spec.shape[-1] == 1:
        array = array[..., None]
    _check_range(spec, array)
    castable = array.dtype.kind in "fiub" and spec.dtype.kind in "fiub"
    same_kind = array.dtype.kind == spec.dtype.kind or spec.dtype.kind == "f"
    return array.astype(spec.dtype, copy=False) if castable and same_kind else array
