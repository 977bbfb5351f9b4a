"""Reads calibration data, in whatever form it comes, as batches of named inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.input_arrays import Batch, checked, cut
from tfsparse.conversion.quantization import warn_of_extent
from tfsparse.data_forms import inputs_of, is_array, source_of

CHUNK = 64
"""Rows of an array that are run at a time where the batch size is open."""

DEFAULT_LIMIT = 100
"""Batches that are read of a source that makes them as they are read."""


def batches(
    data: Any,
    inputs: Mapping[str, tf.TensorSpec],
    limit: int | None = None,
    order: Sequence[str] | None = None,
) -> Batches:
    """Reads calibration data as dicts of input name to array.

    Data are what Keras's ``fit`` takes; `tfsparse.data_forms` says how forms that look
    alike are told apart. Arrays are cut into batches of `CHUNK` rows along their first axis.
    Elements of a list, an iterable, a `keras.utils.PyDataset`, a `tf_keras.utils.Sequence` or a
    `tf.data.Dataset` are batches already.

    Args:
        data: The calibration data.
        inputs: Input name to spec of the signature that will be fed.
        limit: The most batches to read. By default arrays and lists are read whole, and
            `DEFAULT_LIMIT` batches of all else, which may have no end.
        order: The names of the inputs in the order in which the model takes them, for data
            that do not name them; by default the order of `inputs`. It may name more than the
            signature has.

    Returns:
        An iterator of batches that the signature takes, cast to its types. Inputs in the data
        that the signature does not have are left out. At its end it warns of an input whose
        values are all too small or too large.

    Raises:
        ValueError: If the data is missing, of another form, lacks an input, does not
            fit an input's shape or type, or holds NaN or Inf: at once where the data are
            arrays, and otherwise when the batch is read. Also if there is no example.

    Example:

    >>> x, y = np.zeros((100, 3), np.float32), np.zeros(100)
    >>> found = batches((x, y), {"x": tf.TensorSpec((None, 3))}, limit=1)
    >>> [batch["x"].shape for batch in found], found.bounded
    ([(64, 3)], True)
    """
    return Batches(data, inputs, limit, order)


class Batches:
    """An iterator of batches; made by `batches`.

    Attributes:
        bounded: Whether reading has stopped at the limit, and there is or may be more. It is
            known when the iterator has ended.
        count: How many batches were read.
        total: How many batches there will be at most.
    """

    def __init__(
        self,
        data: Any,
        inputs: Mapping[str, tf.TensorSpec],
        limit: int | None,
        order: Sequence[str] | None,
    ) -> None:
        self._inputs = inputs
        self._order = list(inputs if order is None else order)
        self._extents: dict[str, tuple[float, float]] = {}
        source = source_of(data, len(self._order))
        total = source.total
        elements: Any = source.elements
        if source.whole:
            elements = list(cut(self._named(data), inputs, CHUNK))
            total = len(elements)
        elif limit is None and source.streamed:
            limit = DEFAULT_LIMIT
        self._limit, self._available = limit, total
        self.total = min(n for n in (total, limit) if n is not None)
        self.count = 0
        self.bounded = False
        if source.whole:
            for element in elements[:limit]:
                self._cast(element)
        self._batches = self._run(elements, source.whole)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return next(self._batches)

    def _run(self, elements: Any, whole: bool) -> Iterator[Batch]:
        rows = 0
        for element in islice(elements, self._limit):
            for batch in [element] if whole else cut(self._named(element), self._inputs):
                cast = self._cast(batch)
                rows += max((len(a) if a.ndim else 1 for a in cast.values()), default=1)
                yield cast
            self.count += 1
        more = self._available is None or self._available > self.count
        self.bounded = self.count == self._limit and more
        if not rows:
            raise ValueError("`calibration_data` should hold at least one example. Received: none")
        for name, extent in self._extents.items():
            warn_of_extent(f"input {name!r}", *extent)

    def _named(self, element: Any) -> Batch:
        """The arrays of an element by name, of the right shapes and types."""
        x = inputs_of(element, len(self._order))
        if not isinstance(x, Mapping):
            x = self._by_order(x)
        missing = sorted(set(self._inputs) - set(x))
        if missing:
            raise ValueError(
                f"`calibration_data` should hold the inputs {sorted(self._inputs)}. "
                f"Received: {sorted(map(str, x))}, without {missing}"
            )
        return {key: checked(key, x[key], spec) for key, spec in self._inputs.items()}

    def _by_order(self, x: Any) -> dict[str, Any]:
        if is_array(x):
            if len(self._order) != 1:
                raise ValueError(
                    "`calibration_data` should name its arrays with a dict, or be a list of them, "
                    f"because the model has the inputs {self._order}. "
                    "Received: one array without a name"
                )
            x = [x]
        if len(x) != len(self._order):
            raise ValueError(
                f"`calibration_data` should have the {len(self._order)} inputs {self._order}. "
                f"Received: {len(x)} arrays"
            )
        return dict(zip(self._order, x, strict=True))

    def _cast(self, batch: Batch) -> Batch:
        return {key: self._cast_one(key, array) for key, array in batch.items()}

    def _cast_one(self, key: str, array: np.ndarray) -> np.ndarray:
        dtype = self._inputs[key].dtype
        if dtype == tf.string:
            return array
        with np.errstate(over="ignore"):
            array = array.astype(dtype.as_numpy_dtype, copy=False)
        if dtype.is_floating and array.size:
            low, high = float(array.min()), float(array.max())
            if not np.isfinite([low, high]).all():
                raise ValueError(
                    "`calibration_data` should be finite. "
                    f"Received: NaN or Inf in input {key!r}, read as {dtype.name}"
                )
            seen = self._extents.get(key, (low, high))
            self._extents[key] = min(low, seen[0]), max(high, seen[1])
        return array


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
