"""Takes a mask of attention apart: what is causal, what is true everywhere, and the rest.

A mask is a conjunction: of a padding mask, a causal mask, and often of ones of the shape of the
scores, which say nothing. KerasHub writes it in integers, as a minimum that is greater than 0. What
is causal is left to the op, which then does half of the work; what is left is small, such as
``(batch, 1, 1, keys)``.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfsparse.conversion.causal import is_causal
from tfsparse.conversion.derived import Made, made
from tfsparse.conversion.fills import filled_with
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.slices import kept_axes

_CONJUNCTIONS = {"LogicalAnd", "Minimum", "Mul"}
_MOST_DEPTH = 16


@dataclasses.dataclass(frozen=True)
class BooleanMask:
    """A mask, true where a key is kept.

    Attributes:
        causal: Whether a key must not come after the query, besides the rest.
        rest: What else must be true; None for nothing.
    """

    causal: bool
    rest: str | Made | None


def read_boolean_mask(view: GraphView, tensor: str) -> BooleanMask:
    """Takes a boolean tensor apart, whose last two axes are queries and keys.

    Args:
        view: The graph.
        tensor: Name of the tensor.
    """
    return _Reader(view).read(tensor, _MOST_DEPTH)


def rank_of(view: GraphView, source: str | Made) -> int | None:
    """How many axes a tensor has."""
    if isinstance(source, Made):
        return source.rank
    rank: int | None = view.shape(source).rank
    return rank


class _Reader:
    def __init__(self, view: GraphView) -> None:
        self._view = view

    def read(self, tensor: str, depth: int) -> BooleanMask:
        """Takes a tensor apart that is true where it is greater than 0."""
        view, whole = self._view, BooleanMask(False, tensor)
        if view.shape(tensor).rank is None or depth == 0:
            return whole
        if filled_with(view, tensor) == 1:
            return BooleanMask(False, None)
        if is_causal(view, tensor) and not self._may_be_negative(tensor):
            return BooleanMask(True, None)
        node = view.nodes[node_name(tensor)]
        inputs = view.data_inputs(node)
        if node.op == "Identity":
            return self.read(inputs[0], depth - 1)
        if node.op in _CONJUNCTIONS:
            return self._conjunction(tensor, node, depth)
        if node.op == "Cast":
            return self._of_one(tensor, node, depth)
        if (
            node.op == "Greater"
            and filled_with(view, inputs[1]) == 0
            and not view.shape(inputs[1]).rank
        ):
            return self._of_one(tensor, node, depth)
        if node.op == "BroadcastTo":
            inner = self.read(inputs[0], depth - 1)
            kept = inner.rest is None or rank_of(view, inner.rest) == view.shape(inputs[0]).rank
            return inner if kept and inner != BooleanMask(False, inputs[0]) else whole
        if node.op in ("ExpandDims", "StridedSlice") and leads_only(view, node):
            return self._of_one(tensor, node, depth)
        return whole

    def _may_be_negative(self, tensor: str) -> bool:
        value = self._view.constant(tensor)
        return value is not None and bool((value < 0).any() if value.dtype != bool else False)

    def _of_one(self, tensor: str, node: NodeDef, depth: int) -> BooleanMask:
        """What a node does to each part of its input."""
        view, (source, *others) = self._view, self._view.data_inputs(node)
        if node.op == "Cast" and not self._keeps_truth(node, source):
            return BooleanMask(False, tensor)
        inner = self.read(source, depth - 1)
        if inner.rest is None:
            return inner
        rank, after = view.shape(source).rank, view.shape(tensor).rank
        if inner.rest == source or rank_of(view, inner.rest) != rank:
            return BooleanMask(False, tensor)
        return BooleanMask(inner.causal, Made(node, (inner.rest, *others), after))

    def _keeps_truth(self, node: NodeDef, source: str) -> bool:
        """Whether a cast makes what is greater than 0 greater than 0, and nothing else."""
        types = [tf.as_dtype(node.attr[key].type) for key in ("SrcT", "DstT")]
        if types[0] == tf.bool:
            return True
        return types[1] == tf.bool and self._is_indicator(source, _MOST_DEPTH)

    def _is_indicator(self, tensor: str, depth: int) -> bool:
        """Whether a tensor holds nothing but 0 and 1."""
        view, node = self._view, self._view.nodes[node_name(tensor)]
        if view.dtype(tensor) == tf.bool:
            return True
        if node.op in ("Cast", "Identity", "BroadcastTo", "ExpandDims", "StridedSlice") and depth:
            return self._is_indicator(view.data_inputs(node)[0], depth - 1)
        if node.op in ("Mul", "Minimum") and depth:
            return all(self._is_indicator(each, depth - 1) for each in view.data_inputs(node))
        return False

    def _conjunction(self, tensor: str, node: NodeDef, depth: int) -> BooleanMask:
        view, whole = self._view, BooleanMask(False, tensor)
        inputs = view.data_inputs(node)
        if node.op == "Mul" and not all(self._is_indicator(each, depth) for each in inputs):
            return whole
        parts = [self.read(each, depth - 1) for each in inputs]
        if [part.rest for part in parts] == inputs:
            return whole
        rests = [part.rest for part in parts if part.rest is not None]
        causal = any(part.causal for part in parts)
        if not rests:
            return BooleanMask(causal, None)
        if len(rests) == 1:
            return BooleanMask(causal, rests[0])
        rank = max(rank_of(view, rest) or 0 for rest in rests)
        return BooleanMask(causal, Made(node, tuple(rests), rank))


def leads_only(view: GraphView, node: NodeDef) -> bool:
    """Whether a node does nothing but add axes of size 1, all before the last two."""
    inputs = view.data_inputs(node)
    rank, after = (view.shape(each).rank for each in (inputs[0], f"{node.name}:0"))
    if rank is None or after is None or rank < 2:
        return False
    if node.op == "ExpandDims":
        axis = view.constant(inputs[1])
        return axis is not None and int(axis.reshape(-1)[0]) % after < after - 2
    axes = kept_axes(view, node, rank)
    return axes is not None and axes[-2:] == [rank - 2, rank - 1] and len(axes) == after


def negated(source: str | Made, rank: int) -> Made:
    """A mask that is true where another one is false."""
    return made("LogicalNot", (source,), rank)
