"""Dilated convolutions as TensorFlow spells them: by space to batch, convolution, batch to space.

``tf.nn.convolution`` moves every `d`-th pixel into an image of its own, convolves these, and puts
the pixels back. It pads before, so that the size is a multiple of `d`, and crops that behind. Where
the size is open, both counts are computed in the graph. Whatever the count is: if as much is
cropped behind as was added before, the two undo each other, and what is left of the padding is
the convolution's own.
"""

from __future__ import annotations

import numpy as np

from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView

TO_BATCH, TO_SPACE = "SpaceToBatchND", "BatchToSpaceND"

_MAX_DEPTH = 8

Element = tuple[tuple[str, int] | None, int]
"""An integer that the graph computes: an element of a tensor, or none, plus a number."""


def read_dilation(
    view: GraphView, before: NodeDef, after: NodeDef
) -> list[tuple[int, int, int]] | None:
    """Reads the two moves around a convolution.

    Args:
        view: The graph.
        before: A node of op `TO_BATCH`.
        after: A node of op `TO_SPACE`.

    Returns:
        For each axis of the images its dilation and the zeros before and behind; None if the two
        do not undo each other.
    """
    block, padded = view.data_inputs(before)[1:]
    other, cropped = view.data_inputs(after)[1:]
    sizes, others = view.constant(block), view.constant(other)
    if sizes is None or others is None or not np.array_equal(sizes, others):
        return None
    pads, crops = (_elements(view, tensor, _MAX_DEPTH) for tensor in (padded, cropped))
    if pads is None or crops is None or not len(pads) == len(crops) == 2 * len(sizes):
        return None
    found: list[tuple[int, int, int]] = []
    for axis, size in enumerate(sizes):
        (start, end), (first, last) = pads[2 * axis : 2 * axis + 2], crops[2 * axis : 2 * axis + 2]
        if start[0] is not None or first != (None, 0) or end[0] != last[0] or end[1] < last[1]:
            return None
        found.append((int(size), start[1], end[1] - last[1]))
    return found


def _elements(view: GraphView, tensor: str, depth: int) -> list[Element] | None:
    """The elements of a tensor of integers, the last axis fastest."""
    tensor = view.through_identities(tensor)
    constant = view.constant(tensor)
    if constant is not None:
        return [(None, int(value)) for value in constant.reshape(-1)]
    node = view.nodes[node_name(tensor)]
    inputs = view.data_inputs(node)
    found: list[Element] | None = None
    if depth and node.op == "Pack" and node.attr["axis"].i == 0:
        found = _joined(view, inputs, depth)
    elif depth and node.op in ("Add", "AddV2"):
        found = _sum(view, inputs, depth)
    elif depth and node.op == "StridedSlice":
        found = _slice(view, node, depth)
    size = view.shape(tensor).num_elements()
    if found is None and size is not None:
        return [((tensor, place), 0) for place in range(size)]
    return found if found is None or len(found) == size else None


def _joined(view: GraphView, tensors: list[str], depth: int) -> list[Element] | None:
    parts = [_elements(view, tensor, depth - 1) for tensor in tensors]
    return None if None in parts else [each for part in parts if part for each in part]


def _sum(view: GraphView, tensors: list[str], depth: int) -> list[Element] | None:
    one, other = (_elements(view, tensor, depth - 1) for tensor in tensors)
    if one is None or other is None or len(one) != len(other):
        return None
    pairs = list(zip(one, other, strict=True))
    if any(a[0] is not None and b[0] is not None for a, b in pairs):
        return None
    return [(a[0] or b[0], a[1] + b[1]) for a, b in pairs]


def _slice(view: GraphView, node: NodeDef, depth: int) -> list[Element] | None:
    source, *bounds = view.data_inputs(node)
    elements, shape = _elements(view, source, depth - 1), view.shape(source)
    begins, ends, steps = (view.constant(bound) for bound in bounds)
    if elements is None or begins is None or ends is None or steps is None:
        return None
    if node.attr["ellipsis_mask"].i or node.attr["new_axis_mask"].i or len(begins) > shape.rank:
        return None
    masks = [int(node.attr[f"{key}_mask"].i) for key in ("begin", "end", "shrink_axis")]
    index: list[int | slice] = []
    for axis, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        open_begin, open_end, shrinks = (bool(mask >> axis & 1) for mask in masks)
        part = slice(None if open_begin else begin, None if open_end else end, step)
        index.append(int(begin) if shrinks else part)
    places = np.arange(len(elements)).reshape(shape.as_list())
    return [elements[place] for place in np.ravel(places[tuple(index)])]
