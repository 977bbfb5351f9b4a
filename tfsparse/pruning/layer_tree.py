"""The layers inside a layer, for both versions of Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def children(layer: Any) -> list[Any]:
    """The layers directly inside a layer or model, each once."""
    found = layer._flatten_layers(include_self=False, recursive=False)
    return list({id(child): child for child in found}.values())


def descendants(layer: Any) -> list[Any]:
    """A layer and every layer inside it, each once, from the outside in."""
    found = layer._flatten_layers(include_self=True, recursive=True)
    return list({id(child): child for child in found}.values())


def flat(value: Any) -> Iterator[Any]:
    """What lies in a nest of lists, tuples and dictionaries."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from flat(inner)
    else:
        yield value


def replaced(value: Any, others: Mapping[int, Any]) -> Any:
    """A new nest of lists, tuples and dictionaries with other things in the place of some.

    Args:
        value: The nest.
        others: By the ids of what to replace, what to put there.
    """
    if id(value) in others:
        return others[id(value)]
    if isinstance(value, dict):
        return {key: replaced(inner, others) for key, inner in value.items()}
    if not isinstance(value, list | tuple):
        return value
    items = [replaced(inner, others) for inner in value]
    if isinstance(value, list):
        return items
    # What tracks a named tuple says that it is of that class, and is not.
    return value.__class__(*items) if hasattr(value, "_fields") else tuple(items)
