"""Numbers in a graph: constants, and those computed from sizes that are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from tfsparse.conversion.graph import node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.shapes import vector_of_sizes

_MOST_DEPTH = 12

_COMPUTED: dict[str, Callable[..., float]] = {
    "Sqrt": math.sqrt,
    "Rsqrt": lambda value: 1 / math.sqrt(value),
    "Reciprocal": lambda value: 1 / value,
    "Neg": lambda value: -value,
    "Mul": lambda one, other: one * other,
    "RealDiv": lambda one, other: one / other,
    "Pow": lambda one, other: one**other,
    "Cast": lambda value: value,
    "Identity": lambda value: value,
}


def scalar(view: GraphView, tensor: str, depth: int = _MOST_DEPTH) -> float | None:
    """The number that a tensor of one element holds, else None.

    Args:
        view: The graph.
        tensor: Name of the tensor. A code that scales by the size of an axis, such as ``1 /
            sqrt(tf.shape(query)[-1])``, has a number where that size is known.
        depth: How many ops it may be computed by.
    """
    value = view.constant(tensor)
    if value is not None:
        is_number = value.size == 1 and value.dtype.kind not in "SUOb"
        return float(value.reshape(-1)[0]) if is_number else None
    node = view.nodes[node_name(tensor)]
    if depth == 0 or view.shape(tensor).num_elements() != 1:
        return None
    if view.dtype(tensor) in (tf.int32, tf.int64):
        sizes = vector_of_sizes(view, tensor)
        known = sizes[0] if sizes and len(sizes) == 1 else None
        return float(known) if isinstance(known, int) else None
    compute = _COMPUTED.get(node.op)
    values = [scalar(view, each, depth - 1) for each in view.data_inputs(node)]
    if compute is None or any(each is None for each in values):
        return None
    try:
        return float(compute(*values))
    except (ArithmeticError, ValueError, TypeError):
        return None
