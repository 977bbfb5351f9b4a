"""Tables of embeddings in fewer bits, as variables of the new model.

A row in INT8 has a scale of its own: the largest of its elements becomes 127. Rows are read and
written in parts, so that beside the table and the new one no third copy is in memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import tensorflow as tf

TablePrecision = Literal["bf16", "int8"]

_PART = 1 << 22
"""Elements that are converted at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table in fewer bits.

    Attributes:
        data: int8 or bfloat16 variable of shape ``(rows, width)``.
        scale: float32 variable of shape ``(rows,)``; None but for int8.
    """

    data: Any
    scale: Any | None


class Tables:
    """The tables of a model that were made, each once for all that read it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, TablePrecision], Table] = {}

    def get(
        self, identity: str, precision: TablePrecision, read: Callable[[], np.ndarray], name: str
    ) -> Table:
        """The table in another precision.

        Args:
            identity: A text that is equal for equal tables.
            precision: ``"bf16"`` or ``"int8"``.
            read: Gives the table, floats of shape ``(rows, width)``. It is called where the table
                is not known yet: a read may be a copy of gigabytes.
            name: Scope of the names of new variables.

        Raises:
            ValueError: If a value is NaN or Inf, or would be Inf in bfloat16.
        """
        key = (identity, precision)
        if key not in self._known:
            self._known[key] = _made(read(), precision, name)
        return self._known[key]

    def keep_only(self, read: set[int]) -> None:
        """Forgets tables whose variables' handles are not among those with these ids."""
        self._known = {
            key: table
            for key, table in self._known.items()
            if any(
                id(each.handle) in read for each in (table.data, table.scale) if each is not None
            )
        }

    @property
    def variables(self) -> list[Any]:
        """All variables."""
        every = [each for table in self._known.values() for each in (table.data, table.scale)]
        return [each for each in every if each is not None]


def _made(values: np.ndarray, precision: TablePrecision, name: str) -> Table:
    scale = None
    if precision == "int8":
        quantized, scales = quantize_rows(values)
        scale = _variable(scales, f"{name}/scale")
    else:
        quantized = np.empty(values.shape, tf.bfloat16.as_numpy_dtype)
        for rows in _parts(values):
            quantized[rows] = values[rows].astype(quantized.dtype)
            if not np.isfinite(quantized[rows].astype(np.float32)).all():
                raise ValueError("`values` should be finite in bfloat16. Received: NaN or Inf")
    return Table(_variable(quantized, f"{name}/{precision}"), scale)


def quantize_rows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantizes each row of a table symmetrically, with a scale of its own.

    Args:
        values: Floats of shape ``(rows, width)``.

    Returns:
        ``(quantized, scale)``: int8 of the same shape in -127 to 127, rounded half to even, and
        float32 of shape ``(rows,)``, so that ``scale[:, None] * quantized`` is about `values`. The
        scale of a row of zeros is 1.

    Raises:
        ValueError: If a value is NaN or Inf.

    Example:

    >>> quantize_rows(np.array([[0.5, -1.27], [0, 0]]))[0].tolist()
    [[50, -127], [0, 0]]
    """
    quantized = np.empty(values.shape, np.int8)
    scale = np.empty(len(values), np.float32)
    for rows in _parts(values):
        part = values[rows].astype(np.float32)
        largest = np.abs(part).max(axis=1, initial=0)
        if not np.isfinite(largest).all():
            raise ValueError("`values` should be finite. Received: NaN or Inf")
        # So small a row has a scale that float32 hardly holds; its elements count as zeros.
        own = np.where(largest > 127 * np.finfo(np.float32).tiny, largest / 127, 1)
        scale[rows] = own
        quantized[rows] = np.clip(np.rint(part / scale[rows, None]), -127, 127)
    return quantized, scale


def _parts(values: np.ndarray) -> Iterator[slice]:
    step = max(1, _PART // max(1, values.shape[1]))
    for first in range(0, len(values), step):
        yield slice(first, first + step)


def _variable(value: np.ndarray, name: str) -> Any:
    with tf.device("cpu:0"):
        return tf.Variable(value, trainable=False, name=name)
