"""Sequential and functional models as graphs of layers, which may be such models again."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.layer_tree import descendants, flat

_KNOWN = ("keras", "tf_keras", "tensorflow", "numpy", "builtins")


def is_graph(layer: Any) -> bool:
    """Whether a layer is a model that calls its layers itself: Sequential or functional."""
    if not isinstance(layer, binding_of(layer).model_class):
        return False
    names = {cls.__name__ for cls in type(layer).__mro__}
    # tf_keras can say it of any model; a Sequential says False until it is built.
    return "Sequential" in names or (
        "Functional" in names and getattr(layer, "_is_graph_network", True)
    )


def nodes_of(model: Any) -> list[Any]:
    """The layers of such a model, and in Keras 3 the bare operations between them."""
    if found := getattr(model, "_operations", None):
        return list(found)
    called = called_layers(model)
    return [layer for layer in model.layers if not called or id(layer) in called]


def called_layers(model: Any) -> set[int]:
    """Ids of the layers in the graph of a model of tf_keras; none if there is no graph yet.

    Its `layers` are also those that attributes lead to.
    """
    by_depth = getattr(model, "_nodes_by_depth", {})
    return {id(node.layer) for nodes in by_depth.values() for node in nodes}


def tied_layers(model: Any) -> dict[int, str]:
    """Layers that share a variable with another one, or hold one that is called elsewhere.

    A copy of one of them would no longer share it, so none of them may be copied. A
    function counts as holding the layers and variables that its code refers to, and
    a layer those that it is given as arguments of its calls.

    Args:
        model: A Sequential or functional model.

    Returns:
        For the id of each such layer the reason.
    """
    holders: dict[int, dict[int, Any]] = {}
    for leaf in _leaves(model, set()):
        for held in _held(leaf):
            holders.setdefault(id(held), {})[id(leaf)] = leaf
    tied: dict[int, str] = {}
    for group in holders.values():
        for leaf in group.values() if len(group) > 1 else ():
            names = ", ".join(repr(one.name) for one in group.values() if one is not leaf)
            tied[id(leaf)] = f"it shares a layer or a variable with {names}"
    return tied


def _leaves(model: Any, seen: set[int]) -> Iterator[Any]:
    """Every layer and operation that is no such model, each once, nested models entered."""
    for node in nodes_of(model):
        if id(node) in seen:
            continue
        seen.add(id(node))
        if hasattr(node, "_flatten_layers") and is_graph(node):
            yield from _leaves(node, seen)
        else:
            yield node


def _held(leaf: Any) -> Iterator[Any]:
    """Layers and variables that a layer or operation uses."""
    if hasattr(leaf, "_flatten_layers"):
        for one in descendants(leaf):
            yield one
            for value in vars(one).values():
                yield from _referred(value)
        if leaf.built:
            yield from leaf.weights
    for node in leaf._inbound_nodes:
        arguments = getattr(node, "arguments", None)
        if arguments is None:
            called: Any = (node.call_args, node.call_kwargs)
        else:
            called = (arguments.args, arguments.kwargs)
        for value in flat(called):
            if hasattr(value, "assign"):
                yield value


def _referred(value: Any) -> Iterator[Any]:
    """What the code of a user's function refers to."""
    if not inspect.isfunction(value) or value.__module__.partition(".")[0] in _KNOWN:
        return
    try:
        names = inspect.getclosurevars(value)
    except (TypeError, ValueError):
        return
    for inner in flat([*names.nonlocals.values(), *names.globals.values()]):
        if hasattr(inner, "_flatten_layers"):
            yield from descendants(inner)
            if inner.built:
                yield from inner.weights
        elif hasattr(inner, "assign"):
            yield inner
