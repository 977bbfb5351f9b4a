"""Tells a slice that only adds axes, such as ``x[:, None]``, from one that takes elements away."""

from __future__ import annotations

from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView


def kept_axes(view: GraphView, node: NodeDef, rank: int) -> list[int | None] | None:
    """The axes that a slice gives.

    Args:
        view: The graph.
        node: A StridedSlice.
        rank: How many axes its input has.

    Returns:
        For each axis of the result which one of the input it is, None for a new one. None instead
        of a list if the slice takes elements away, turns an axis around, or may do so.
    """
    begin = view.constant(view.data_inputs(node)[1])
    steps = view.constant(view.data_inputs(node)[3])
    if begin is None or steps is None or node.attr["shrink_axis_mask"].i:
        return None
    masks = {key: int(node.attr[f"{key}_mask"].i) for key in ("begin", "end", "new_axis")}
    dots = int(node.attr["ellipsis_mask"].i)
    axes: list[int | None] = []
    taken = 0
    named = sum(
        not (masks["new_axis"] >> place & 1 or dots >> place & 1) for place in range(begin.size)
    )
    for place in range(begin.size):
        if dots >> place & 1:
            axes += range(taken, rank - named + taken)
            taken = rank - named + taken
        elif masks["new_axis"] >> place & 1:
            axes.append(None)
        elif masks["begin"] >> place & masks["end"] >> place & 1 and steps[place] == 1:
            axes.append(taken)
            taken += 1
        else:
            return None
    return [*axes, *range(taken, rank)]
