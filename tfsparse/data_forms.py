"""The forms in which calibration data come: those that Keras's ``fit`` takes, and lists of batches.

As in Keras, a tuple is ``(x, y)`` or ``(x, y, sample_weight)`` whatever it holds, and a list is a
list of inputs. Where that cannot be meant, the only other meaning is taken:

- A model of several inputs cannot take one array. So a tuple of exactly as many arrays as the model
  has inputs is the inputs.
- A list of anything but as many arrays as the model has inputs is a list of batches. For
  a model of one input, a list of arrays is a list of batches too.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf

ARGUMENT = "calibration_data"


def _forms(argument: str) -> str:
    return (
        f"`{argument}` should be what `fit` takes: an array, a dict of input name to array, "
        "a list of inputs, a tuple (x, y), an iterable of batches, or a tf.data.Dataset."
    )


@dataclasses.dataclass(frozen=True)
class Source:
    """Where batches come from.

    Attributes:
        elements: What each batch is made of; one element where `whole`.
        whole: Whether the data are arrays that hold all examples, to be cut into batches.
        total: How many elements there are, None if that is not known.
        streamed: Whether elements are made as they are read, so that there may be many.
    """

    elements: Iterable[Any]
    whole: bool
    total: int | None
    streamed: bool


def is_array(value: Any) -> bool:
    """Whether a value is an array: NumPy's, a tensor, or of another library, as pandas."""
    return hasattr(value, "__array__") and hasattr(value, "shape")


def source_of(data: Any, inputs: int, argument: str = ARGUMENT) -> Source:
    """Says what data are.

    Args:
        data: Calibration data.
        inputs: How many inputs the model has.
        argument: What the user calls them, for errors.

    Returns:
        Where its batches come from.

    Raises:
        ValueError: If it is none of the forms.
    """
    if data is None:
        raise ValueError(
            f"`{argument}` should be given: what the layers of a model see is read from it. "
            f"Received: {argument}=None"
        )
    if is_array(data) or isinstance(data, Mapping | tuple) or _is_list_of_inputs(data, inputs):
        return Source([data], whole=True, total=1, streamed=False)
    if isinstance(data, list):
        return Source(data, whole=False, total=len(data), streamed=False)
    if isinstance(data, tf.data.Dataset):
        cardinality = int(data.cardinality())
        total = cardinality if cardinality >= 0 else None
        return Source(data, whole=False, total=total, streamed=True)
    if isinstance(data, str | bytes | tf.RaggedTensor | tf.SparseTensor):
        raise ValueError(f"{_forms(argument)} Received: {type(data).__name__}")
    if hasattr(data, "__getitem__"):
        total = _length(data)
        indices = itertools.count() if total is None else range(total)
        made: Iterable[Any] = (_pair(data[index]) for index in indices)
        return Source(made, whole=False, total=total, streamed=True)
    if isinstance(data, Iterable):
        of_torch = type(data).__module__.startswith("torch.")
        return Source(
            map(_pair, data) if of_torch else data, whole=False, total=None, streamed=True
        )
    raise ValueError(f"{_forms(argument)} Received: {type(data).__name__}")


def inputs_of(element: Any, inputs: int, argument: str = ARGUMENT) -> Any:
    """What a model is called with, of what ``fit`` takes.

    Args:
        element: x, ``(x, y)`` or ``(x, y, sample_weight)``.
        inputs: How many inputs the model has.
        argument: What the user calls the data, for errors.

    Returns:
        An array, a dict of input name to array, or a list of arrays.

    Raises:
        ValueError: If it is none of these.
    """
    x = element
    if isinstance(element, tuple):
        if inputs > 1 and len(element) == inputs and all(map(is_array, element)):
            return list(element)
        if not 1 <= len(element) <= 3:
            raise ValueError(
                f"{_forms(argument)} A tuple is (x, y) or (x, y, sample_weight). "
                f"Received: a tuple of {len(element)} for a model of {inputs} inputs"
            )
        x = element[0]
    if isinstance(x, list | tuple) and x and all(map(is_array, x)):
        return list(x)
    if is_array(x) or isinstance(x, Mapping):
        return x
    raise ValueError(f"{_forms(argument)} Received: a batch of type {type(x).__name__}")


def _is_list_of_inputs(data: Any, inputs: int) -> bool:
    return isinstance(data, list) and len(data) == inputs and all(map(is_array, data))


def _length(data: Any) -> int | None:
    """The number of batches of a `keras.utils.PyDataset` or a `tf_keras.utils.Sequence`."""
    try:
        total = data.num_batches if hasattr(data, "num_batches") else len(data)
    except (NotImplementedError, TypeError):
        return None
    return None if total is None else int(total)


def _pair(batch: Any) -> Any:
    """In the batches of a `PyDataset`, and of PyTorch, Keras reads a list as a tuple."""
    return tuple(batch) if isinstance(batch, list) else batch


class Replay:
    """Makes an iterator readable several times, by keeping what was read.

    Several functions of a model are calibrated one after another with the same data.

    Args:
        iterator: A generator or the like.
    """

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator
        self._read: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        for index in itertools.count():
            if index == len(self._read):
                try:
                    self._read.append(next(self._iterator))
                except StopIteration:
                    return
            yield self._read[index]


def replayable(data: Any) -> Any:
    """Calibration data that can be read more than once; an iterator keeps what was read of it."""
    return Replay(data) if isinstance(data, Iterator) else data
