"""Runs a model on calibration data, and looks at what single layers are called with.

A layer in the middle of a model sees what the layers in front make of the data, so it can be
looked at only while the model runs, whatever the model is: functional, or code of the user's. So
the model runs eagerly, and the `call` of a layer tells of its arguments before it goes on.

A pass for some layers stops each batch as soon as the last of them was called, by an
exception that only this module knows: what comes behind is not computed. How often a layer is
called for a batch, and in which order layers are, one first batch tells (`survey`).

Memory: what the layers in front of one need, for one batch. Nothing is kept but the arguments of
the layer that was called last.

Cost: passes for L layers one after another take about L / 2 runs of the whole model on all
data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.data_forms import inputs_of, replayable, source_of
from tfsparse.pruning.binding import binding_of

See = Callable[[Any, tuple[Any, ...], dict[str, Any]], None]

MOST_BATCHES = 100
"""Batches that are read of a source that makes them as they are read."""


class CalibrationData:
    """Data for the inputs of a model, readable again and again.

    Args:
        model: The model.
        data: What `fit` takes; labels are ignored.
        batch_size: Rows of an array that are run at a time.
        limit: The most batches to read; by default arrays and lists are read whole, and
            `MOST_BATCHES` of all else.

    Raises:
        ValueError: If the data are of another form, hold no example, or a number is wrong.
    """

    def __init__(
        self, model: Any, data: Any, batch_size: int = 32, limit: int | None = None
    ) -> None:
        for name, value in (("batch_size", batch_size), ("batches", limit)):
            if value is not None and not (isinstance(value, int) and value > 0):
                raise ValueError(f"`{name}` should be a positive integer. Received: {value!r}")
        self._inputs = _number_of_inputs(model)
        self._data = replayable(data)
        self._size = batch_size
        self._limit = limit
        if next(iter(self), None) is None:
            raise ValueError("`data` should hold at least one example. Received: none")

    def __iter__(self) -> Iterator[Any]:
        """What the model is called with: an array, a list or a dict of arrays, batch by batch."""
        source = source_of(self._data, self._inputs, "data")
        if source.whole:
            batches: Iterator[Any] = self._cut(inputs_of(self._data, self._inputs, "data"))
        else:
            batches = (inputs_of(one, self._inputs, "data") for one in source.elements)
        limit = MOST_BATCHES if self._limit is None and source.streamed else self._limit
        return itertools.islice(batches, limit)

    def _cut(self, x: Any) -> Iterator[Any]:
        sizes = {len(array) for array in tf.nest.flatten(x)}
        if len(sizes) != 1:
            raise ValueError(
                "`data` should hold arrays of as many examples each. "
                f"Received: arrays of {sorted(sizes)} examples"
            )
        for start in range(0, sizes.pop(), self._size):
            yield tf.nest.map_structure(lambda array: array[start : start + self._size], x)  # noqa: B023


class _Reached(BaseException):
    """Ends a batch where nothing that comes behind is asked for.

    Not an `Exception`: those Keras catches, to say in which layer they were raised.
    """


class ForwardPasses:
    """Runs of one model on one set of data.

    Args:
        model: A model or layer of Keras 3 or tf_keras.
        data: What to run it on.
    """

    def __init__(self, model: Any, data: CalibrationData) -> None:
        self._model = model
        self._data = data
        self._counts: dict[int, int] = {}

    def survey(self, layers: Sequence[Any]) -> list[list[Any]]:
        """In which order layers are called.

        Args:
            layers: Layers somewhere inside the model.

        Returns:
            The layers that are called, by their first call; those that stand next to each other
            and are called with equal tensors are together. Layers that are not called, or
            where nobody can look, are missing.
        """
        calls = _Calls()
        with _observed(layers, calls.see), _eagerly():
            self._call(next(iter(self._data)))
        self._counts = calls.counts
        return calls.stages

    def calls(self, layer: Any) -> int:
        """How often a layer that was surveyed is called for a batch."""
        return self._counts[id(layer)]

    def run(self, layers: Sequence[Any], see: See) -> None:
        """Runs the model as far as some layers, which were surveyed.

        Args:
            layers: The layers.
            see: Is told of each call: the layer and its arguments.
        """
        for batch in self._data:
            left = {id(layer): self._counts[id(layer)] for layer in layers}

            def see_and_stop(
                layer: Any, args: Any, kwargs: Any, left: dict[int, int] = left
            ) -> None:
                see(layer, args, kwargs)
                left[id(layer)] -= 1
                if all(count <= 0 for count in left.values()):
                    raise _Reached

            with _observed(layers, see_and_stop), _eagerly(), contextlib.suppress(_Reached):
                self._call(batch)

    def _call(self, batch: Any) -> None:
        # A model of the user's may train where it is not told that it does not.
        is_model = isinstance(self._model, binding_of(self._model).model_class)
        self._model(batch, **({"training": False} if is_model else {}))


@dataclasses.dataclass
class _Calls:
    """What a survey has found."""

    counts: dict[int, int] = dataclasses.field(default_factory=dict)
    stages: list[list[Any]] = dataclasses.field(default_factory=list)
    last: Any = None

    def see(self, layer: Any, args: Any, kwargs: Any) -> None:
        if not tf.executing_eagerly():  # inside of a map that is traced whatever one says
            return
        self.counts[id(layer)] = self.counts.get(id(layer), 0) + 1
        if self.counts[id(layer)] > 1:
            return
        seen = first_input(args, kwargs)
        if self.stages and _are_equal(seen, self.last):
            self.stages[-1].append(layer)
        else:
            self.stages.append([layer])
        self.last = seen


class _ObservedCall:
    """The `call` of a layer that tells of its arguments first."""

    def __init__(self, layer: Any, before: Any, see: See) -> None:
        self._layer = layer
        self._before = before
        self._see = see
        # Keras reads it off the call to know what to pass.
        self.__signature__ = inspect.signature(layer.call)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._see(self._layer, args, kwargs)
        if self._before is not None:
            return self._before(*args, **kwargs)
        return type(self._layer).call(self._layer, *args, **kwargs)


@contextlib.contextmanager
def _observed(layers: Sequence[Any], see: See) -> Iterator[None]:
    """While active, calls of layers are told of."""
    before = [vars(layer).get("call") for layer in layers]
    for layer, call in zip(layers, before, strict=True):
        # Past `__setattr__`, which would track it.
        vars(layer)["call"] = _ObservedCall(layer, call, see)
    try:
        yield
    finally:
        for layer, call in zip(layers, before, strict=True):
            if call is None:
                del vars(layer)["call"]
            else:
                vars(layer)["call"] = call


@contextlib.contextmanager
def _eagerly() -> Iterator[None]:
    """While active, a `tf.function` runs as the Python that it is."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def first_input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a layer is applied to, of the arguments of its call."""
    return args[0] if args else kwargs.get("inputs")


def _are_equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if not (isinstance(one, tf.Tensor) and isinstance(other, tf.Tensor)):
        return False
    if one.shape != other.shape or one.dtype != other.dtype or not tf.size(one):
        return False
    values = one.numpy()
    # What is all one number, as zeros behind a ReLU, may be so by chance and for one batch only.
    return bool(np.any(values != values.flat[0])) and np.array_equal(values, other.numpy())


def _number_of_inputs(model: Any) -> int:
    inputs = getattr(model, "inputs", None)
    return len(inputs) if isinstance(inputs, list | tuple) and inputs else 1
