"""Where in a model of layers a variable belongs, which a SavedModel does not say.

A graph names variables after the scopes in which they were made: a layer inside a wrapper is there
twice, a model inside another one is missing, and which of the two it is differs between versions of
Keras. The tree of layers says what the user wrote, whoever built it and when. A layer's path is the
names from the model's own layers down to it, as in ``"encoder/dense"``.
"""

from __future__ import annotations

from typing import Any


def layer_paths(model: Any) -> list[str] | None:
    """The path of the layer that each variable of a model belongs to.

    Args:
        model: A model of layers of either version of Keras. No Keras is imported here: it has
            to have `variables` and to tell its layers.

    Returns:
        A path for each of ``model.variables``, ``""`` for those of the model itself; None for
        other objects.
    """
    if not (hasattr(model, "_flatten_layers") and hasattr(model, "variables")):
        return None
    paths: dict[int, str] = {}
    _visit(model, "", paths)
    return [paths.get(id(variable), "") for variable in model.variables]


def _visit(layer: Any, path: str, paths: dict[int, str]) -> None:
    """Inner layers first: a variable belongs to the innermost one that has it."""
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        if _stands_for(layer, inner):
            _visit(inner, path, paths)
        else:
            name = inner.layer.name if _is_wrapper_of_tfmot(inner) else inner.name
            _visit(inner, f"{path}/{name}" if path else name, paths)
    for variable in layer.variables:
        paths.setdefault(id(variable), path)


def _stands_for(wrapper: Any, layer: Any) -> bool:
    """Whether a layer is pruned by the one around it, which the user does not see as one."""
    wraps = getattr(wrapper, "layer", None) is layer
    return wraps and (wrapper.name == layer.name or _is_wrapper_of_tfmot(wrapper))


def _is_wrapper_of_tfmot(layer: Any) -> bool:
    return type(layer).__name__ == "PruneLowMagnitude" and hasattr(layer, "layer")
