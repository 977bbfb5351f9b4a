"""Recognises a softmax: the op, or an exponential over its sum."""

from __future__ import annotations

import dataclasses

from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView, attribute

_PASS = {"Identity", "StopGradient"}


@dataclasses.dataclass(frozen=True)
class Softmax:
    """A softmax along one axis.

    Attributes:
        logits: Name of the tensor that it is taken of.
        axis: The axis, counted from the front.
        nodes: Names of the nodes it consists of; the last one gives the result.
    """

    logits: str
    axis: int
    nodes: tuple[str, ...]


def read_softmax(view: GraphView, node: NodeDef) -> Softmax | None:
    """Reads a node as the last one of a softmax.

    Args:
        view: The graph.
        node: Any node.
    """
    if node.op not in ("Softmax", "RealDiv") or view.is_constant(f"{node.name}:0"):
        return None
    rank = view.shape(f"{node.name}:0").rank
    if not rank:
        return None
    if node.op == "Softmax":
        return Softmax(view.data_inputs(node)[0], rank - 1, (node.name,))
    above, below = (_source(view, tensor) for tensor in view.data_inputs(node))
    if above.op != "Exp" or below.op != "Sum" or _source(view, below.input[0]) is not above:
        return None
    axis = _axis(view, below, rank)
    inner = _source(view, view.data_inputs(above)[0])
    names = (above.name, below.name, node.name)
    if axis is None:
        return None
    if inner.op == "Sub":
        logits, shift = view.data_inputs(inner)
        largest = _source(view, shift)
        if largest.op == "Max" and _axis(view, largest, rank) == axis:
            source = view.through_identities(view.data_inputs(largest)[0])
            if source == view.through_identities(logits):
                passed = _passed(view, shift)
                return Softmax(logits, axis, (*passed, largest.name, inner.name, *names))
    return Softmax(view.data_inputs(above)[0], axis, names)


def _source(view: GraphView, reference: str) -> NodeDef:
    node = view.nodes[node_name(reference)]
    while node.op in _PASS:
        node = view.nodes[node_name(node.input[0])]
    return node


def _passed(view: GraphView, tensor: str) -> list[str]:
    """Names of the nodes that pass a tensor on."""
    names, node = [], view.nodes[node_name(tensor)]
    while node.op in _PASS:
        names.append(str(node.name))
        node = view.nodes[node_name(node.input[0])]
    return names


def _axis(view: GraphView, node: NodeDef, rank: int) -> int | None:
    """The one axis that a reduction keeps with size 1."""
    axes = view.constant(view.data_inputs(node)[1])
    if axes is None or axes.size != 1 or not attribute(node, "keep_dims", False):
        return None
    return int(axes.reshape(-1)[0]) % rank
