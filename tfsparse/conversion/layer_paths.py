"""Where in a model of layers a variable or a node belongs, which a SavedModel does not say.

A graph names variables after the scopes in which they were made: a layer inside a wrapper is there
twice, a model inside another one is missing, and which of the two it is differs between versions of
Keras. Nodes have the scopes in which they were traced, with numbers behind names that were there
before. The tree of layers says what the user wrote, whoever built it and when. A layer's path is
the names from the model's own layers down to it, as in ``"encoder/dense"``.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any


@dataclasses.dataclass(frozen=True)
class LayerPaths:
    """Paths of a model's layers.

    Attributes:
        model: The model's own name.
        layers: Paths of all layers.
        of_variables: For each of the model's variables, in order, the path of its layer; ``""`` for
            those of the model itself.
    """

    model: str
    layers: frozenset[str]
    of_variables: tuple[str, ...]

    def of_node(self, node: str) -> str | None:
        """The path of the innermost layer that a node was traced in, or None.

        Example:

        >>> paths = LayerPaths("net", frozenset(["encoder", "encoder/mha"]), ())
        >>> paths.of_node("StatefulPartitionedCall/net_2/encoder_1/mha_1/einsum/Einsum")
        'encoder/mha'
        """
        path = ""
        # Where the model's own name has a number behind it, so have those of its layers.
        numbered = self.model not in node.split("/")
        for part in node.split("/"):
            plain = re.sub(r"_\d+$", "", part)
            for name in (plain, part) if numbered else (part, plain):
                inner = f"{path}/{name}" if path else name
                if inner in self.layers:
                    path = inner
                    break
        return path or None


def layer_paths(model: Any) -> LayerPaths | None:
    """Reads the tree of a model's layers.

    Args:
        model: A model of layers of either version of Keras. No Keras is imported here: it has
            to have `variables` and to tell its layers.

    Returns:
        The paths; None for other objects.
    """
    if not (hasattr(model, "_flatten_layers") and hasattr(model, "variables")):
        return None
    layers: set[str] = set()
    paths: dict[int, str] = {}
    _visit(model, "", layers, paths)
    of_variables = tuple(paths.get(id(variable), "") for variable in model.variables)
    return LayerPaths(model.name, frozenset(layers), of_variables)


def _visit(layer: Any, path: str, layers: set[str], paths: dict[int, str]) -> None:
    """Inner layers first: a variable belongs to the innermost one that has it."""
    if path:
        layers.add(path)
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        if _stands_for(layer, inner):
            _visit(inner, path, layers, paths)
        else:
            name = inner.layer.name if _is_wrapper_of_tfmot(inner) else inner.name
            _visit(inner, f"{path}/{name}" if path else name, layers, paths)
    for variable in layer.variables:
        paths.setdefault(id(variable), path)


def _stands_for(wrapper: Any, layer: Any) -> bool:
    """Whether a layer is pruned by the one around it, which the user does not see as one."""
    wraps = getattr(wrapper, "layer", None) is layer
    return wraps and (wrapper.name == layer.name or _is_wrapper_of_tfmot(wrapper))


def _is_wrapper_of_tfmot(layer: Any) -> bool:
    return type(layer).__name__ == "PruneLowMagnitude" and hasattr(layer, "layer")
