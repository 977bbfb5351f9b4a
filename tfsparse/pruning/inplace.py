"""Exchanges layers inside a model that cannot be cloned.

A subclassed model holds its layers in attributes, or in lists and dictionaries
in attributes, and only its own code knows what it does with them. So a layer is
exchanged where it is held, for one that is called in the same way and keeps the
same variables. Nothing else about the model changes: not its weights, not their
order, not what an optimizer knows of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.layer_tree import children, replaced


def exchange_layers(model: Any, replace: Callable[[Any, str], Any | None]) -> None:
    """Exchanges layers of a model, and of the layers and models inside it.

    Args:
        model: The model or layer to look into.
        replace: Called once with each layer inside and its path, from the outside
            in. Returns the layer to put in its place, the layer itself to keep it
            as it is, or None to look into it.

    Raises:
        ValueError: If a layer is not held in an attribute, nor in a list, tuple
            or dictionary in one.
    """
    done: dict[int, Any] = {}

    def visit(parent: Any, prefix: str) -> None:
        for child in children(parent):
            path = f"{prefix}{child.name}"
            if id(child) not in done:
                done[id(child)] = (child, replace(child, path))
                if done[id(child)][1] is None:
                    visit(child, f"{path}/")
            new = done[id(child)][1]
            if new is not None and new is not child:
                _exchange(parent, child, new, path)
        _forget_functions(parent)

    visit(model, "")


def _exchange(parent: Any, old: Any, new: Any, path: str) -> None:
    holders = [
        name
        for name, value in vars(parent).items()
        if not _is_bookkeeping(name) and _holds(value, old)
    ]
    if not holders:
        raise ValueError(
            "`model` should hold its layers in attributes, or in lists, tuples or dictionaries in "
            f"attributes, to be changed in place. Received: {path!r}, held by "
            f"{type(parent).__name__} in no such way"
        )
    set_attribute = binding_of(parent).exchange
    for name in holders:
        set_attribute(parent, name, replaced(getattr(parent, name), {id(old): new}), old, new)


def _is_bookkeeping(name: str) -> bool:
    """Whether a version of Keras keeps in an attribute what it found in the others."""
    return name.startswith("_self_") or name in (
        "_layers",
        "_tracker",
        "_obj_reference_counts_dict",
    )


def _holds(value: Any, layer: Any) -> bool:
    if value is layer:
        return True
    if isinstance(value, dict):
        return any(_holds(inner, layer) for inner in value.values())
    return isinstance(value, list | tuple) and any(_holds(inner, layer) for inner in value)


def _forget_functions(model: Any) -> None:
    """Functions that were traced with the old layers are traced again."""
    for name in ("train_function", "test_function", "predict_function"):
        if getattr(model, name, None) is not None:
            setattr(model, name, None)
