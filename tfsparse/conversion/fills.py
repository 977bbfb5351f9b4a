"""Tensors whose elements are all one number, whatever their shape."""

from __future__ import annotations

import numpy as np

from tfsparse.conversion.graph import node_name
from tfsparse.conversion.graph_view import GraphView

_PASS = {"BroadcastTo", "Cast", "Tile", "ExpandDims", "Reshape"}
_LIKE = {"ZerosLike": 0.0, "OnesLike": 1.0}


def filled_with(view: GraphView, tensor: str) -> float | None:
    """The number that all elements of a tensor are, else None.

    Args:
        view: The graph.
        tensor: Name of a tensor of numbers or booleans, whose shape may be open.
    """
    tensor = view.through_identities(tensor)
    value = view.constant(tensor)
    if value is not None:
        flat = value.reshape(-1)
        same = flat.size > 0 and flat.dtype.kind not in "SUO" and bool(np.all(flat == flat[0]))
        return float(flat[0]) if same else None
    node = view.nodes[node_name(tensor)]
    inputs = view.data_inputs(node)
    if node.op == "Fill":
        return filled_with(view, inputs[1])
    if node.op in _PASS:
        number = filled_with(view, inputs[0])
        # Integers and booleans hold no other numbers as they were.
        exact = node.op != "Cast" or number in (0, 1) or view.dtype(tensor).is_floating
        return number if exact else None
    if node.op == "Mul":
        one, other = (filled_with(view, each) for each in inputs)
        return None if one is None or other is None else one * other
    return _LIKE.get(node.op)
