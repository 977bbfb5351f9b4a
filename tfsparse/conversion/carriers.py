"""The ops that pass elements of tensors on as they are, and what lies at both ends of them.

`moved_elements` finds out where the elements go. Here is which ops count at all: those that give
elements of some of their inputs, or zeros, whatever the elements are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView

MOST_NODES = 400
"""Nodes that are looked at between the ends."""

_MOST_STILL = 60

SHAPES = {"Shape", "Size", "Rank", "OnesLike", "ZerosLike"}
"""Ops that give the same whatever the elements are."""


def _first(count: int) -> range:
    return range(1)


def _all(count: int) -> range:
    return range(count)


def _but_last(count: int) -> range:
    return range(count - 1)


CARRIERS: dict[str, Callable[[int], range]] = {
    **dict.fromkeys(("Identity", "Snapshot", "StopGradient", "PreventGradient"), _first),
    **dict.fromkeys(("Reshape", "Squeeze", "ExpandDims", "Transpose", "EnsureShape"), _first),
    **dict.fromkeys(("Slice", "StridedSlice", "GatherV2", "Gather", "GatherNd", "Unpack"), _first),
    **dict.fromkeys(("SplitV", "Pad", "PadV2", "MatrixBandPart", "BatchMatrixBandPart"), _first),
    "Split": lambda count: range(1, 2),
    "Concat": lambda count: range(1, count),
    "ConcatV2": _but_last,
    "Pack": _all,
    "Mul": _all,
    "Select": lambda count: range(1, 3),
    "SelectV2": lambda count: range(1, 3),
}
"""Ops that give elements of some of their inputs, or zeros: the places of these inputs, by the
number of all. A product does where its other factor is zero or one, which the last run shows."""


def carried_inputs(view: GraphView, node: NodeDef) -> list[str] | None:
    """The inputs whose elements a node passes on; None if it does anything else."""
    places = CARRIERS.get(node.op)
    if places is None:
        return None
    inputs = view.data_inputs(node)
    return [inputs[place] for place in places(len(inputs)) if not _is_still(view, inputs[place])]


def _is_still(view: GraphView, tensor: str) -> bool:
    """Whether a tensor is made of constants and of shapes alone."""
    seen, pending = {tensor}, [tensor]
    while pending:
        current = pending.pop()
        node = view.nodes[node_name(current)]
        if view.is_constant(current) or node.op in SHAPES:
            continue
        inputs = view.data_inputs(node)
        if not inputs or view.is_stateful(node) or len(seen) > _MOST_STILL:
            return False
        pending += [each for each in inputs if each not in seen]
        seen.update(inputs)
    return True


def find_sources(view: GraphView, tensor: str) -> list[str] | None:
    """The tensors that the elements of a tensor come from.

    Args:
        view: The graph.
        tensor: Name of a tensor.

    Returns:
        Names of tensors that are made by something else than moving elements, each once, in the
        order of the graph's inputs; none if they are too many.
    """
    found: dict[str, None] = {}
    seen = {tensor}
    pending = [tensor]
    while pending:
        current = pending.pop()
        inputs = carried_inputs(view, view.nodes[node_name(current)])
        # A gather from a constant picks elements that no tensor of the graph has.
        if not inputs:
            found[current] = None
            continue
        if len(seen) > MOST_NODES:
            return None
        for each in reversed(inputs):
            if each not in seen:
                seen.add(each)
                pending.append(each)
    return list(found)


def followers(view: GraphView, tensor: str) -> Iterator[str]:
    """The tensors behind a tensor that may have elements of it; of a split, all that it gives."""
    seen, pending = {tensor}, [tensor]
    while pending:
        current = pending.pop(0)
        for reader in view.readers(current):
            if reader.index < 0 or reader.node.op not in CARRIERS:
                continue
            count = len(view.data_inputs(reader.node))
            if reader.index not in CARRIERS[reader.node.op](count):
                continue
            results = [each for each in view.results(reader.node) if each not in seen]
            seen.update(results)
            pending += results
            yield from results
