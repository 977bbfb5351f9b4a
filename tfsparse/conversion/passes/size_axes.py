"""Tells ops how large the axes are that hold their inputs.

An op that has its inputs in several axes, such as those of heads, would take any axes that hold as
many together: 8 heads of 32 in the place of 4 of 64. The original graph would fail, so the op
does too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.op_interface import set_attribute
from tfsparse.conversion.planning import Plan


def sizes_of_axes(plans: Sequence[Plan], views: Views) -> dict[int, list[int]]:
    """The sizes of the axes that hold inputs, where there are several and all are known.

    Args:
        plans: Plans.
        views: Views of their graphs before they are rewritten.

    Returns:
        id of a plan to the sizes.
    """
    found: dict[int, list[int]] = {}
    for plan in plans:
        layer = plan.layer
        if not plan.convert or layer.x_axes == 1:
            continue
        shape = views.of(layer.graph).shape(layer.x)
        if shape.rank is None:
            continue
        sizes = shape.as_list()
        if layer.x_order is not None:
            sizes = [sizes[axis] for axis in layer.x_order]
        if None not in sizes[-layer.x_axes :]:
            found[id(plan)] = sizes[-layer.x_axes :]
    return found


def size_axes(
    plans: Sequence[Plan], made: Mapping[int, str], sizes: Mapping[int, Sequence[int]]
) -> None:
    """Tells ops the sizes.

    Args:
        plans: Plans that were rewritten. Their graphs are changed in place.
        made: id of a plan to the name of its op.
        sizes: id of a plan to the sizes.
    """
    for plan in plans:
        if id(plan) in sizes:
            node = plan.layer.graph.nodes[made[id(plan)]]
            set_attribute(node, "x_sizes", sizes[id(plan)])
