"""Proves that two reshapes around a product undo each other.

`tf.tensordot`, which Keras uses for activations of rank 3 and more, computes
``reshape(reshape(transpose(x), [rows, in]) · W, [lead..., out])``. Where the transposition
moves nothing and ``lead`` are x's own leading dimensions, this is the product along the last
axis of x, and all the nodes that compute shapes can go. Two proofs are tried:

* Static shapes: equal leading dimensions, at most one of them unknown (the number of
  elements settles that one).
* Structure: the last shape is ``concat(gather(shape(x), [0, 1, ...]), [out])``. The number of
  columns needs no proof: with another one the original graph would fail when it runs.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfsparse.conversion.graph_view import GraphView, NodeDef, node_name


def source_of_reshapes(
    view: GraphView, x: str, after: NodeDef, weights_shape: tuple[int, int]
) -> str | None:
    """The tensor that a product could take directly, without the reshapes around it.

    Args:
        view: The graph.
        x: Tensor of activations that the product takes.
        after: The ``Reshape`` of the product's result.
        weights_shape: Shape ``(out, in)`` of the weights.

    Returns:
        The tensor before the first reshape, or None if there is no proof.
    """
    source = _before(view, x)
    if source is None or view.shape(source).rank in (None, 0, 1):
        return None
    if _equal_static(view.shape(source), view.shape(f"{after.name}:0"), weights_shape):
        return source
    return source if _shape_of_source(view, source, after, weights_shape[0]) else None


def _before(view: GraphView, x: str) -> str | None:
    """What was reshaped into `x`, with a transposition that moves nothing skipped."""
    node = view.nodes[node_name(x)]
    if node.op != "Reshape":
        return None
    source = view.data_inputs(node)[0]
    node = view.nodes[node_name(source)]
    if node.op == "Transpose":
        source, order = view.data_inputs(node)
        moved = view.constant(order)
        if moved is None or moved.tolist() != list(range(moved.size)):
            return None
    return source


def _equal_static(
    before: tf.TensorShape, after: tf.TensorShape, weights_shape: tuple[int, int]
) -> bool:
    if before.rank != after.rank or (after[-1], before[-1]) != weights_shape:
        return False
    lead: list[Any] = before.as_list()[:-1]
    return lead == after.as_list()[:-1] and lead.count(None) <= 1


def _shape_of_source(view: GraphView, source: str, after: NodeDef, units: int) -> bool:
    concat = view.nodes[node_name(view.data_inputs(after)[1])]
    if concat.op != "ConcatV2" or len(view.data_inputs(concat)) != 3:
        return False
    lead, last, _ = view.data_inputs(concat)
    gather, size = view.nodes[node_name(lead)], view.constant(last)
    if gather.op != "GatherV2" or size is None or size.tolist() != [units]:
        return False
    sizes, axes, _ = view.data_inputs(gather)
    shape, picked = view.nodes[node_name(sizes)], view.constant(axes)
    if shape.op != "Shape" or picked is None:
        return False
    same = view.through_identities(view.data_inputs(shape)[0]) == view.through_identities(source)
    return same and picked.tolist() == list(range(view.shape(source).rank - 1))
