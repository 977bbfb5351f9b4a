"""Copies what the attributes of a layer of the user's hold to a copy of the layer.

The copy was made from the layer's configuration, so it has the same attributes,
but maybe with other values: of an argument that `get_config` forgets, of what was
set after construction, of a `tf.Variable` that Keras does not track. Only plain
data and functions are copied, never what Keras keeps for itself, and never a layer
or a variable: the copy has its own.
"""

from __future__ import annotations

import copy as copy_module
import dataclasses
import inspect
from typing import Any

import numpy as np

from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.layer_tree import descendants

_KERAS = ("keras", "tf_keras")
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.ndarray, np.generic)


def copy_attributes(layer: Any, copy: Any) -> None:
    """Makes the attributes of a copy, and of the layers inside it, those of the layer.

    Args:
        layer: The layer.
        copy: A layer made from its configuration, with the same layers inside.

    Raises:
        ValueError: If there are other layers inside.
    """
    for one, other in zip(descendants(layer), descendants(copy), strict=True):
        if type(one).__module__.partition(".")[0] not in _KERAS:
            _copy_own(one, other)


def _copy_own(layer: Any, copy: Any) -> None:
    of_keras = _names_of_keras(layer)
    for name, value in vars(layer).items():
        if name in of_keras or name.startswith("_self_"):
            continue
        there = vars(copy).get(name)
        if _is_variable(value) and _is_variable(there):
            there.assign(value)
        elif _is_plain(value) and not _is_equal(value, there):
            setattr(copy, name, copy_module.deepcopy(_unwrapped(value)))


def _names_of_keras(layer: Any) -> set[str]:
    """Attributes that every layer of its Keras has."""
    return set(vars(binding_of(layer).layer_class()))


def _is_variable(value: Any) -> bool:
    return hasattr(value, "assign") and hasattr(value, "shape")


def _is_plain(value: Any) -> bool:
    """Whether a value means the same in another layer."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple | set):
        return all(map(_is_plain, value))
    if isinstance(value, _PLAIN) or inspect.isfunction(value) or _is_constant(value):
        return True
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _is_constant(value: Any) -> bool:
    """Whether a value is a tensor."""
    return hasattr(value, "numpy") and hasattr(value, "shape") and not hasattr(value, "assign")


def _is_equal(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_equal(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    if inspect.isfunction(one):
        # A function that each layer makes for itself knows its own layer.
        return one.__code__ is other.__code__
    if dataclasses.is_dataclass(one):
        return bool(one == other)
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def _unwrapped(value: Any) -> Any:
    """Plain containers in the place of those that Keras tracks attributes with."""
    if isinstance(value, dict):
        return {key: _unwrapped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unwrapped(inner) for inner in value]
    return value
