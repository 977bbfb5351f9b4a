"""Reads queries, keys and values backwards: from the products of attention to what is projected.

Transpositions, scales and casts in between fall away: the op takes heads before or behind positions
and has a scale of its own. So do keys and values that are repeated for a group of heads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.scalars import scalar

_PASSED = {"Identity", "Cast", "Snapshot"}
_MOST_NODES = 16


@dataclasses.dataclass(frozen=True)
class Operand:
    """Queries, keys or values.

    Attributes:
        tensor: Name of the tensor that holds them.
        labels: The labels of its axes.
        scale: What they are multiplied by.
        repeats: How often each head of them is used, one after another.
    """

    tensor: str
    labels: tuple[str, ...]
    scale: float = 1.0
    repeats: int = 1


def read_operand(
    view: GraphView, operand: Operand, scales: bool, results: Collection[str] = ()
) -> Operand:
    """Goes back across transpositions, casts and, if `scales`, multiplications by a number.

    Args:
        view: The graph.
        operand: Queries, keys or values as they are multiplied.
        scales: Whether the op can multiply them by a number.
        results: Names of the nodes where other attention ends; what is before them is its own.

    Returns:
        The operand as it is projected.
    """
    for _ in range(_MOST_NODES):
        node = view.nodes[node_name(operand.tensor)]
        if node.name in results:
            return operand
        inputs = view.data_inputs(node)
        if node.op in _PASSED and view.dtype(inputs[0]).is_floating:
            operand = dataclasses.replace(operand, tensor=inputs[0])
            continue
        before = _before(view, node, operand, scales)
        if before is None:
            return operand
        operand = before
    return operand


def _before(view: GraphView, node: NodeDef, operand: Operand, scales: bool) -> Operand | None:
    inputs = view.data_inputs(node)
    if node.op == "Transpose":
        order = view.constant(inputs[1])
        rank = view.shape(inputs[0]).rank
        if order is None or not order.size == len(operand.labels) == rank:
            return None
        labels = [""] * len(operand.labels)
        for place, axis in enumerate(order.tolist()):
            labels[axis] = operand.labels[place]
        return dataclasses.replace(operand, tensor=inputs[0], labels=tuple(labels))
    if scales and node.op in ("Mul", "RealDiv"):
        for place in (0, 1) if node.op == "Mul" else (0,):
            number = scalar(view, inputs[1 - place])
            same = view.shape(inputs[place]).rank == len(operand.labels)
            if number is not None and np.isfinite(number) and number != 0 and same:
                scale = operand.scale * (number if node.op == "Mul" else 1 / number)
                return dataclasses.replace(operand, tensor=inputs[place], scale=scale)
    return None


def without_repeats(
    view: GraphView, operand: Operand, heads: str, scales: bool, results: Collection[str] = ()
) -> Operand:
    """The operand before its heads are repeated, each one a number of times in a row.

    Args:
        view: The graph.
        operand: Keys or values.
        heads: The label of the axis of heads.
        scales: See `read_operand`.
        results: See `read_operand`.

    Returns:
        The operand with its `repeats`; the same where nothing is repeated.
    """
    if heads not in operand.labels:
        return operand
    axis = operand.labels.index(heads)
    node = view.nodes[node_name(view.through_identities(operand.tensor))]
    source = _gathered(view, node, axis) or _tiled(view, node, axis)
    if source is None:
        return operand
    sizes = [view.shape(each)[axis] for each in (f"{node.name}:0", source)]
    ranks = [view.shape(each).rank for each in (f"{node.name}:0", source)]
    if None in sizes or ranks != [len(operand.labels)] * 2 or sizes[0] % sizes[1]:
        return operand
    repeats = sizes[0] // sizes[1]
    operand = dataclasses.replace(operand, tensor=source, repeats=repeats)
    return read_operand(view, operand, scales, results)


def _gathered(view: GraphView, node: NodeDef, axis: int) -> str | None:
    """What a gather takes each element of an axis from, several times in a row."""
    if node.op != "GatherV2" or node.attr["batch_dims"].i:
        return None
    source, places, along = view.data_inputs(node)
    indices, where, shape = view.constant(places), view.constant(along), view.shape(source)
    if indices is None or where is None or indices.ndim != 1 or (shape.rank or 0) <= axis:
        return None
    size = shape[axis]
    if not size or int(where) % shape.rank != axis or indices.size % size:
        return None
    wanted = np.repeat(np.arange(size), indices.size // size)
    return source if np.array_equal(indices, wanted) else None


def _tiled(view: GraphView, node: NodeDef, axis: int) -> str | None:
    """What is given a new axis behind one, tiled along it and reshaped to be without it."""
    if node.op != "Reshape":
        return None
    tiled = view.nodes[node_name(view.through_identities(view.data_inputs(node)[0]))]
    if tiled.op not in ("Tile", "BroadcastTo"):
        return None
    inner = view.nodes[node_name(view.through_identities(view.data_inputs(tiled)[0]))]
    wide, narrow = view.shape(f"{tiled.name}:0"), view.shape(f"{inner.name}:0")
    if wide.rank is None or wide.rank != narrow.rank or wide.rank <= axis + 1:
        return None
    if narrow[axis + 1] != 1 or inner.op not in ("ExpandDims", "StridedSlice", "Reshape"):
        return None
    if tiled.op == "Tile":
        counts = view.constant(view.data_inputs(tiled)[1])
        if counts is None or np.any(np.delete(counts, axis + 1) != 1):
            return None
    source = view.through_identities(view.data_inputs(inner)[0])
    before, after = view.shape(source), view.shape(f"{node.name}:0")
    if before.rank != wide.rank - 1 or before.rank != after.rank:
        return None
    if None in (before[axis], wide[axis + 1], after[axis]):
        return None
    joined = before[axis] * wide[axis + 1] == after[axis]
    kept = all(
        before[place] == after[place] for place in range(before.rank) if place != axis
    ) and narrow.as_list() == [*before[: axis + 1], 1, *before[axis + 1 :]]
    return source if joined and kept else None
