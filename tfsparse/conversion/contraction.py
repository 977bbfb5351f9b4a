"""A product of two tensors by the labels of its axes, however the graph spells it.

``Einsum``, ``MatMul`` and ``BatchMatMul`` are one thing: each axis of the factors and of the result
has a label, and axes of one label have one size. A label of both factors that the result lacks is
summed over.
"""

from __future__ import annotations

import dataclasses

from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.products import MATMULS, REST, labels_of

CONTRACTIONS = {*MATMULS, "Einsum"}
"""Ops that multiply two tensors."""


@dataclasses.dataclass(frozen=True)
class Contraction:
    """A product of two tensors.

    Attributes:
        factors: Names of the two tensors.
        labels: For each of them the labels of its axes.
        result: The labels of the result's axes.
    """

    factors: tuple[str, str]
    labels: tuple[tuple[str, ...], tuple[str, ...]]
    result: tuple[str, ...]


def read_contraction(view: GraphView, node: NodeDef) -> Contraction | None:
    """Reads a node as a product of two tensors that are not constants.

    Args:
        view: The graph.
        node: Any node.

    Returns:
        The product; None if the node is something else, or broadcasts one of its factors.
    """
    if node.op not in CONTRACTIONS:
        return None
    tensors = view.data_inputs(node)
    if len(tensors) != 2 or any(view.is_constant(tensor) for tensor in tensors):
        return None
    found = labels_of(view, node, tensors)
    if isinstance(found, str):
        return None
    shapes = [view.shape(tensor) for tensor in tensors]
    if any(shape.rank is None for shape in shapes):
        return None
    ranks = [int(shape.rank) for shape in shapes]
    rests = [
        rank - len(text) + 1 for rank, text in zip(ranks, found[:2], strict=True) if REST in text
    ]
    if len(set(rests)) > 1:
        return None
    rest = "".join(chr(ord("\u0400") + axis) for axis in range(rests[0] if rests else 0))
    one, other, result = (tuple(text.replace(REST, rest)) for text in found)
    sizes = [
        dict(zip(labels, shape.as_list(), strict=True))
        for labels, shape in zip((one, other), shapes, strict=True)
    ]
    for label in sizes[0].keys() & sizes[1].keys():
        size, beside = sizes[0][label], sizes[1][label]
        # An axis of size 1 may be broadcast to one of a size that is not known yet.
        if size != beside and (None not in (size, beside) or 1 in (size, beside)):
            return None
    return Contraction((tensors[0], tensors[1]), (one, other), result)
