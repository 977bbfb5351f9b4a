"""What can be said of the sizes of a tensor before it exists.

A size is a number, or the size of an axis of a tensor that is not known yet, or unknown. A graph
computes the shape that a ``Reshape`` is given from such sizes: it takes the shape of a tensor apart
and puts it together again. Following it shows that two reshapes around a product undo each
other, so that the product can take the tensor as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView

Size = int | tuple[str, int] | None
"""A number, an axis of a tensor, or unknown."""

_MAX_DEPTH = 12


def sizes(view: GraphView, tensor: str) -> list[Size] | None:
    """The sizes of a tensor's axes; None where even their number is unknown."""
    tensor = view.through_identities(tensor)
    node = view.nodes[node_name(tensor)]
    static = view.shape(tensor)
    if node.op == "Reshape":
        wanted = _vector(view, view.data_inputs(node)[1], _MAX_DEPTH)
        if wanted is not None:
            wanted = [None if size == -1 else size for size in wanted]
            if static.rank == len(wanted):
                return [
                    size if fixed is None else fixed
                    for size, fixed in zip(wanted, static.as_list(), strict=True)
                ]
            return wanted
    if static.rank is None:
        return None
    return [
        (tensor, axis) if size is None else int(size) for axis, size in enumerate(static.as_list())
    ]


def equal(one: list[Size], other: list[Size]) -> bool:
    """Whether two lists of sizes are the same for tensors of as many elements.

    One size may be unknown: the number of elements settles it.
    """
    if len(one) != len(other):
        return False
    different = sum(a is None or b is None or a != b for a, b in zip(one, other, strict=True))
    known = all(
        a == b or a is None or b is None or not (isinstance(a, int) and isinstance(b, int))
        for a, b in zip(one, other, strict=True)
    )
    return known and different <= 1


def trailing_axes(shape: list[Size], elements: int) -> int | None:
    """How many axes at the end hold a number of elements together, the fewest that do."""
    product = 1
    for count, size in enumerate(reversed(shape), 1):
        if not isinstance(size, int):
            return None
        product *= size
        if product == elements:
            return count
        if product > elements:
            return None
    return None


def vector_of_sizes(view: GraphView, tensor: str) -> list[Size] | None:
    """The elements of a tensor of sizes, a scalar as a list of one; None if it is no such."""
    return _vector(view, tensor, _MAX_DEPTH)


def _vector(view: GraphView, tensor: str, depth: int) -> list[Size] | None:
    """The elements of a tensor of sizes, a scalar as a list of one."""
    if depth == 0:
        return None
    constant = view.constant(tensor)
    if constant is not None:
        return [int(size) for size in constant.reshape(-1)] if constant.size <= 64 else None
    node = view.nodes[node_name(tensor)]
    read = _READ.get(node.op)
    return None if read is None else read(view, node, depth - 1)


def _shape(view: GraphView, node: NodeDef, depth: int) -> list[Size] | None:
    return sizes(view, view.data_inputs(node)[0])


def _same(view: GraphView, node: NodeDef, depth: int) -> list[Size] | None:
    return _vector(view, view.data_inputs(node)[0], depth)


def _concat(view: GraphView, node: NodeDef, depth: int) -> list[Size] | None:
    return _join(view, view.data_inputs(node)[:-1], depth)


def _pack(view: GraphView, node: NodeDef, depth: int) -> list[Size] | None:
    return _join(view, view.data_inputs(node), depth)


def _join(view: GraphView, tensors: list[str], depth: int) -> list[Size] | None:
    joined: list[Size] = []
    for tensor in tensors:
        part = _vector(view, tensor, depth)
        if part is None:
            return None
        joined += part
    return joined


def _gather(view: GraphView, node: NodeDef, depth: int) -> list[Size] | None:
    values, places = view.data_inputs(node)[:2]
    vector, picked = _vector(view, values, depth), view.constant(places)
    if vector is None or picked is None or np.any(picked >= len(vector)) or np.any(picked < 0):
        return None
    return [vector[int(place)] for place in picked.reshape(-1)]


def _slice(view: GraphView, node: NodeDef, depth: int) -> list[Size] | None:
    source, *bounds = view.data_inputs(node)
    vector, ends = _vector(view, source, depth), [view.constant(bound) for bound in bounds]
    if vector is None or any(end is None or end.size != 1 for end in ends):
        return None
    masks = {key: int(node.attr[f"{key}_mask"].i) for key in ("begin", "end", "shrink_axis")}
    if node.attr["ellipsis_mask"].i or node.attr["new_axis_mask"].i:
        return None
    begin, end, step = (int(np.ravel(each)[0]) for each in ends if each is not None)
    if masks["shrink_axis"]:
        return [vector[begin]] if -len(vector) <= begin < len(vector) else None
    return vector[None if masks["begin"] else begin : None if masks["end"] else end : step]


def _prod(view: GraphView, node: NodeDef, depth: int) -> list[Size] | None:
    """The product of all elements, which is unknown where one of them is."""
    vector = _vector(view, view.data_inputs(node)[0], depth)
    axes = view.constant(view.data_inputs(node)[1])
    if vector is None or axes is None or axes.size != 1:
        return None
    known = [size for size in vector if isinstance(size, int)]
    return [math.prod(known) if len(known) == len(vector) else None]


_READ: dict[str, Callable[[GraphView, NodeDef, int], Any]] = {
    "Shape": _shape,
    "Identity": _same,
    "Cast": _same,
    "ConcatV2": _concat,
    "Pack": _pack,
    "Prod": _prod,
    "GatherV2": _gather,
    "StridedSlice": _slice,
}
