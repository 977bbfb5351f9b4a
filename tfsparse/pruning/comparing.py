"""Compares a clone of a model with the model: outputs, layer by layer, and variables.

The outputs are those of a random batch, where the model can be called on one. A
model that gives other outputs each time is not compared by them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pruning.copying import NotCopiedError
from tfsparse.pruning.layer_tree import descendants, flat
from tfsparse.pruning.tfmot_wrappers import is_tfmot_wrapper
from tfsparse.pruning.wrapper import PruneBlockMixin

_OPEN_SIZES = (8, 32)  # tried for the dimensions that a model leaves open
_LARGEST_STATE = 1 << 20

Pairs = dict[int, tuple[Any, Any]]


def check_equal(model: Any, clone: Any, pairs: Pairs) -> None:
    """Checks that a clone computes what its model computes.

    Args:
        model: A Sequential or functional model.
        clone: A clone of it.
        pairs: By the ids of the layers of the model, each with the one in its place.

    Raises:
        NotCopiedError: Names the layer whose copy is at fault.
        ValueError: If it is no single layer.
    """
    for layer, other in pairs.values():
        if layer is not other and _has_other_variables(layer, other):
            raise NotCopiedError(layer, "a copy of it has another number of variables")
    if _has_other_variables(model, clone):
        raise ValueError(_difference(model, "layers of it share variables, and of a clone do not"))
    batch = _callable_batch(model)
    if batch is None:
        return
    with _state_kept(model), _state_kept(clone):
        expected = model(batch)
        if _is_same(clone(batch), expected) or not _is_same(model(batch), expected):
            return
        _name_culprit(model, clone, pairs, batch)
    raise ValueError(_difference(model, "a clone of it gives other outputs"))


def _difference(model: Any, what: str) -> str:
    return (
        "`model` should be one of which a clone can be made. "
        f"Received: model={model.name!r} of type {type(model).__name__} ({what})"
    )


def _has_other_variables(layer: Any, other: Any) -> bool:
    """Whether the numbers of variables differ, if both are known."""
    numbers = {_number_of_weights(layer), _number_of_weights(other)}
    return len(numbers) > 1 and None not in numbers


def _number_of_weights(layer: Any) -> int | None:
    """Number of variables, each counted once and without what wrappers add; None if unknown."""
    inner: list[Any] = list(getattr(layer, "_flatten_layers", list)())
    if any(map(is_tfmot_wrapper, inner)) or not getattr(layer, "built", True):
        return None
    found = {id(weight) for weight in getattr(layer, "weights", ())}
    for one in inner:
        if isinstance(one, PruneBlockMixin):
            found -= {id(w) for w in one.weights} - {id(w) for w in one.layer.weights}
    return len(found)


def _callable_batch(model: Any) -> Any | None:
    """A batch that the model takes, None if there is none to be found."""
    if not model.built or not tf.executing_eagerly():
        return None
    for size in _OPEN_SIZES:
        try:
            batch = _random_batch(model, size)
            with _state_kept(model):
                model(batch)
        except Exception:
            continue
        return batch
    return None


def _random_batch(model: Any, size: int) -> Any:
    rng = np.random.default_rng(0)
    # The `input` of a Sequential model is one that it was called on, if it was.
    is_sequential = any(cls.__name__ == "Sequential" for cls in type(model).__mro__)
    inputs = model.inputs[0] if is_sequential else model.input
    return tf.nest.map_structure(lambda x: _random(x, size, rng), inputs)


def _random(spec: Any, size: int, rng: np.random.Generator) -> Any:
    open_sizes = [2] + [size] * (len(spec.shape) - 1)
    sizes = zip(spec.shape, open_sizes, strict=True)
    shape = [new if given is None else given for given, new in sizes]
    dtype = tf.as_dtype(spec.dtype)
    if dtype.is_floating:
        return tf.constant(rng.standard_normal(shape), dtype)
    if dtype.is_integer or dtype.is_bool:
        return tf.cast(rng.integers(0, 2, shape), dtype)
    raise ValueError(f"`dtype` should be that of numbers. Received: dtype={dtype.name}")


@contextlib.contextmanager
def _state_kept(model: Any) -> Iterator[None]:
    """Puts back what a call changes, such as the state of a stateful recurrent layer."""
    held = [value for one in descendants(model) for value in flat(list(vars(one).values()))]
    variables = {id(v): v for v in held if hasattr(v, "assign") and hasattr(v, "shape")}
    trained = {id(weight) for weight in model.trainable_weights}
    state = [
        (variable, np.array(variable.numpy()))
        for variable in variables.values()
        # What is larger is a weight, which no call changes.
        if id(variable) not in trained and np.prod(variable.shape) <= _LARGEST_STATE
    ]
    try:
        yield
    finally:
        for variable, value in state:
            if not np.array_equal(variable.numpy(), value):
                variable.assign(value)


def _name_culprit(model: Any, clone: Any, pairs: Pairs, batch: Any) -> None:
    """Raises NotCopiedError for the first layer whose copy gives other outputs."""
    with _recorded([one for one, _ in pairs.values()]) as expected:
        model(batch)
    with _recorded([other for _, other in pairs.values()]) as outputs:
        clone(batch)
    for key, calls in expected.items():
        layer, other = pairs[key]
        for one, wanted in zip(outputs.get(id(other), ()), calls, strict=False):
            if layer is not other and not _is_same(one, wanted):
                raise NotCopiedError(layer, "a copy of it gives other outputs")


@contextlib.contextmanager
def _recorded(layers: list[Any]) -> Iterator[dict[int, list[Any]]]:
    """While active, collects what the layers return: lists by their ids, first done first."""
    seen: dict[int, list[Any]] = {}

    def recording(layer: Any) -> Any:
        call = layer.call

        def record(*args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            seen.setdefault(id(layer), []).append(outputs)
            return outputs

        return record

    unique = list({id(layer): layer for layer in layers}.values())
    for layer in unique:
        vars(layer)["call"] = recording(layer)
    try:
        yield seen
    finally:
        for layer in unique:
            del vars(layer)["call"]


def _is_same(outputs: Any, expected: Any) -> bool:
    ones, others = tf.nest.flatten(outputs), tf.nest.flatten(expected)
    return len(ones) == len(others) and all(map(_is_close, ones, others))


def _is_close(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    if one.dtype.kind not in "fV":
        return bool(np.array_equal(one, other))
    tolerance = 1e-4 if one.dtype.itemsize > 2 else 1e-2
    one, other = one.astype("float64"), other.astype("float64")
    largest = np.abs(other, where=np.isfinite(other), out=np.zeros_like(other)).max(initial=0.0)
    return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance * largest, equal_nan=True))
