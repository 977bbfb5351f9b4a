"""Recognises a mask that is added to scores: a large negative number where a key is not to be seen.

Such a tensor is ``a + b * mask`` with a boolean mask: ``(1 - cast(mask)) * -1e9``, or ``-1e9 *
cast(not mask)``, or a choice of two numbers, with axes added in between. Where it is 0 the key is
kept, so it is the boolean mask that the op takes, and nothing is computed from it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfsparse.conversion.boolean_masks import BooleanMask, negated, rank_of, read_boolean_mask
from tfsparse.conversion.causal import is_lower_triangle
from tfsparse.conversion.derived import Made
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.scalars import scalar

_MOST_DEPTH = 12
_MOVES = {"ExpandDims", "StridedSlice", "Reshape", "Identity", "Transpose", "BroadcastTo"}


@dataclasses.dataclass(frozen=True)
class AdditiveMask:
    """A mask that is added.

    Attributes:
        mask: Where nothing is added.
        value: What is added elsewhere.
    """

    mask: BooleanMask
    value: float


@dataclasses.dataclass(frozen=True)
class _Choice:
    """``low`` where a mask is false, ``high`` where it is true."""

    mask: str | Made
    low: float
    high: float


def read_additive_mask(view: GraphView, tensor: str) -> AdditiveMask | None:
    """Reads a tensor that is added to scores as a mask.

    Args:
        view: The graph.
        tensor: Name of the tensor.

    Returns:
        The mask; None if it is another tensor.
    """
    value = view.constant(tensor)
    if value is not None:
        return _triangle(value)
    choice = _choice(view, tensor, _MOST_DEPTH)
    rank = view.shape(tensor).rank
    if choice is None or rank is None or rank_of(view, choice.mask) is None:
        return None
    if choice.high == 0:
        kept = choice.mask
        return AdditiveMask(_read(view, kept), choice.low)
    if choice.low == 0:
        return AdditiveMask(_opposite(view, choice.mask), choice.high)
    return None


def _triangle(value: np.ndarray) -> AdditiveMask | None:
    """A constant that is 0 in the lower triangle and one number elsewhere."""
    added = value[value != 0]
    if value.dtype.kind != "f" or not added.size or not np.all(added == added[0]):
        return None
    if not is_lower_triangle(value == 0):
        return None
    return AdditiveMask(BooleanMask(True, None), float(added[0]))


def _read(view: GraphView, source: str | Made) -> BooleanMask:
    if isinstance(source, str):
        return read_boolean_mask(view, source)
    return BooleanMask(False, source)


def _opposite(view: GraphView, source: str | Made) -> BooleanMask:
    if isinstance(source, str):
        node = view.nodes[node_name(view.through_identities(source))]
        if node.op == "LogicalNot":
            return read_boolean_mask(view, view.data_inputs(node)[0])
    return BooleanMask(False, negated(source, rank_of(view, source) or 0))


def _choice(view: GraphView, tensor: str, depth: int) -> _Choice | None:
    """A tensor as a choice of two numbers by a boolean one."""
    node = view.nodes[node_name(tensor)]
    inputs = view.data_inputs(node)
    if depth == 0 or view.is_constant(tensor):
        return None
    if node.op == "Cast":
        if view.dtype(inputs[0]) == tf.bool:
            return _Choice(inputs[0], 0.0, 1.0)
        return _choice(view, inputs[0], depth - 1)
    if node.op in ("SelectV2", "Select"):
        high, low = (scalar(view, each) for each in inputs[1:])
        return None if high is None or low is None else _Choice(inputs[0], low, high)
    if node.op in _MOVES:
        return _moved(view, node, inputs, depth)
    if node.op == "Neg":
        inner = _choice(view, inputs[0], depth - 1)
        return None if inner is None else _Choice(inner.mask, -inner.low, -inner.high)
    if node.op in ("Mul", "Add", "AddV2", "Sub"):
        return _with_number(view, node, inputs, depth)
    return None


def _moved(view: GraphView, node: NodeDef, inputs: list[str], depth: int) -> _Choice | None:
    """What moves numbers moves the mask before it is made numbers."""
    inner = _choice(view, inputs[0], depth - 1)
    rank = view.shape(f"{node.name}:0").rank
    if inner is None or rank is None:
        return None
    if node.op == "Identity":
        return inner
    if rank_of(view, inner.mask) != view.shape(inputs[0]).rank:
        return None
    copy = tf.compat.v1.NodeDef()
    copy.CopyFrom(node)
    copy.attr["T"].type = tf.bool.as_datatype_enum
    return _Choice(Made(copy, (inner.mask, *inputs[1:]), rank), inner.low, inner.high)


def _with_number(view: GraphView, node: NodeDef, inputs: list[str], depth: int) -> _Choice | None:
    for place in (0, 1):
        number = scalar(view, inputs[1 - place])
        inner = None if number is None else _choice(view, inputs[place], depth - 1)
        if inner is None or number is None:
            continue
        ends = (inner.low, inner.high)
        if node.op == "Mul":
            low, high = (end * number for end in ends)
        elif node.op != "Sub":
            low, high = (end + number for end in ends)
        else:
            low, high = (end - number if place == 0 else number - end for end in ends)
        return _Choice(inner.mask, low, high)
    return None
