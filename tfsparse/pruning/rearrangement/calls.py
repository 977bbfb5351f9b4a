"""The calls of layers in a Sequential or functional model, in order, for both versions of Keras."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tfsparse.pruning.layer_tree import flat


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """A layer, or in Keras 3 a bare operation, that is called.

    Attributes:
        layer: The layer.
        inputs: The symbolic tensors that it is called with, by argument in order.
        outputs: Those that it gives.
        args: Its positional arguments, tensors among them.
        kwargs: Its others.
    """

    layer: Any
    inputs: list[Any]
    outputs: list[Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def graph_of(model: Any) -> Any:
    """The functional model that a Sequential or functional one is."""
    return getattr(model, "_functional", None) or model


def calls_of(model: Any) -> Iterator[Call]:
    """The calls in a model that is built, without those of its inputs.

    Args:
        model: A Sequential or functional model.
    """
    by_depth = graph_of(model)._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if not node.is_input:
                yield _call(node)


def _call(node: Any) -> Call:
    if hasattr(node, "operation"):
        arguments = node.arguments
        args, kwargs = tuple(arguments.args), dict(arguments.kwargs)
        layer, inputs = node.operation, list(node.input_tensors)
    else:
        args, kwargs = tuple(node.call_args), dict(node.call_kwargs)
        layer, inputs = node.layer, list(flat(node.keras_inputs))
    return Call(layer, inputs, list(flat(node.outputs)), args, kwargs)
