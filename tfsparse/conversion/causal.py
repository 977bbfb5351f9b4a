"""Recognises a causal mask: true where the row's index is not less than the column's.

The last two axes are rows (queries) and columns (keys); along other axes it is the same. Graphs
make it of a band of a matrix of ones, of sums of ones along one and the other axis, or of two
ranges; for fixed lengths it is a constant.
"""

from __future__ import annotations

import numpy as np

from tfsparse.conversion.fills import filled_with
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView, attribute
from tfsparse.conversion.slices import kept_axes

_COMPARED = {"GreaterEqual": ("row", "column"), "LessEqual": ("column", "row")}
_MOST_ADDED = 8


def is_causal(view: GraphView, tensor: str) -> bool:
    """Whether a tensor is a causal mask: true, or not 0, in the lower triangle and nowhere else."""
    value = view.constant(tensor)
    if value is not None:
        return is_lower_triangle(value)
    shape = view.shape(tensor)
    if shape.rank is not None and 1 in shape[-2:]:
        # It may be broadcast.
        return False
    node = view.nodes[node_name(tensor)]
    if node.op in ("MatrixBandPart", "BatchMatrixBandPart"):
        values, lower, upper = view.data_inputs(node)
        return (
            _number(view, lower) == -1
            and _number(view, upper) == 0
            and filled_with(view, values) == 1
        )
    if node.op not in _COMPARED:
        return False
    indices = [_index(view, each) for each in view.data_inputs(node)]
    if any(index is None for index in indices):
        return False
    (one, start), (other, beside) = (index for index in indices if index is not None)
    return (one, other) == _COMPARED[node.op] and start == beside


def is_lower_triangle(value: np.ndarray) -> bool:
    """Whether the last two axes hold a lower triangle, and all others have size 1.

    One row is none: it is broadcast to all queries.
    """
    if value.ndim < 2 or any(size != 1 for size in value.shape[:-2]):
        return False
    rows, columns = value.shape[-2:]
    if rows == 1 < columns:
        return False
    triangle = np.tril(np.ones((rows, columns), bool))
    return bool(np.array_equal(value.reshape(rows, columns) != 0, triangle))


def _number(view: GraphView, tensor: str) -> float | None:
    value = view.constant(tensor)
    return None if value is None or value.size != 1 else float(value.reshape(-1)[0])


def _index(view: GraphView, tensor: str) -> tuple[str, float] | None:
    """Whether a tensor counts rows or columns in steps of 1, and from where."""
    tensor = view.through_identities(tensor)
    node = view.nodes[node_name(tensor)]
    rank = view.shape(tensor).rank
    if rank is None:
        return None
    if node.op == "Cumsum":
        return _counted(view, node, rank)
    count = _range(view, tensor, _MOST_ADDED)
    if count is not None:
        return "column", count
    if node.op not in ("ExpandDims", "StridedSlice", "Reshape") or rank < 2:
        return None
    if node.op == "StridedSlice" and kept_axes(view, node, 1) is None:
        return None
    count = _range(view, view.data_inputs(node)[0], _MOST_ADDED)
    tried = view.tried_shape(tensor)
    sizes = (view.shape(tensor) if tried is None else tried).as_list()
    if count is None or any(size != 1 for size in sizes[:-2]):
        return None
    # The other of the two has the size of the range, which a shape may leave open.
    if sizes[-1] == 1 and sizes[-2] != 1:
        return "row", count
    return ("column", count) if sizes[-2] == 1 and sizes[-1] != 1 else None


def _counted(view: GraphView, node: NodeDef, rank: int) -> tuple[str, float] | None:
    """A sum of ones along one of the last two axes."""
    values, axis = view.data_inputs(node)
    along = _number(view, axis)
    backwards = attribute(node, "exclusive", False) or attribute(node, "reverse", False)
    if along is None or backwards or filled_with(view, values) != 1:
        return None
    place = int(along) % rank - rank
    return {-1: ("column", 1.0), -2: ("row", 1.0)}.get(place)


def _range(view: GraphView, tensor: str, depth: int) -> float | None:
    """Where a vector starts that counts in steps of 1."""
    tensor = view.through_identities(tensor)
    node = view.nodes[node_name(tensor)]
    inputs = view.data_inputs(node)
    if depth == 0:
        return None
    if node.op == "Range":
        return _number(view, inputs[0]) if _number(view, inputs[2]) == 1 else None
    if node.op == "Cast":
        return _range(view, inputs[0], depth - 1)
    if node.op in ("Add", "AddV2"):
        for one, other in (inputs, reversed(inputs)):
            added, start = _number(view, other), _range(view, one, depth - 1)
            if added is not None and start is not None:
                return start + added
    return None
