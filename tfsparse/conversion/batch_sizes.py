"""Whether two tensors have the same leading sizes, though these are not known before a call.

A tensor that is added to a layer's result is part of the layer only if neither is broadcast. The
shapes that TensorFlow infers are not enough: of ``x[:1]`` and of ``x`` it says that their first
size is unknown. So it is asked once more, with a number for each size that is open (`open_sizes`).
"""

from __future__ import annotations

from tfsparse.conversion.graph import node_name
from tfsparse.conversion.graph_view import GraphView


def same_lead(view: GraphView, one: str, one_axes: int, other: str, other_axes: int) -> bool:
    """Whether two tensors have the same sizes before their last axes.

    Numbers differ where sizes do. Where they do not, an unknown size is taken to be the same if one
    tensor is computed from the other, or if it is the first and only one, the batch, and both are
    computed from the same inputs of open size: another input may be one row for all. In a loop or
    branch, all inputs are taken to have the same batch, as those of a recurrent cell. Where no
    numbers fit, nothing tells ``x[:1]`` from ``x``, and only a tensor has the sizes of itself.

    Args:
        view: The graph.
        one: Name of a tensor.
        one_axes: How many axes at its end do not count.
        other: Name of another tensor.
        other_axes: How many axes at its end do not count.
    """
    lead, beside = view.shape(one)[:-one_axes], view.shape(other)[:-other_axes]
    if lead.rank is None or beside.rank is None or lead.as_list() != beside.as_list():
        return False
    if None not in lead.as_list():
        return True
    tried, next_to = view.tried_shape(one), view.tried_shape(other)
    if tried is None or next_to is None:
        return one == other
    known = tried.is_fully_defined() and next_to.is_fully_defined()
    if not known or tried[:-one_axes] != next_to[:-other_axes]:
        return False
    needs, other_needs = (
        {node.name for node in view.ancestors(node_name(each))} for each in (one, other)
    )
    if node_name(other) in needs:
        return True
    return None not in lead.as_list()[1:] and _open(view, needs) == _open(view, other_needs)


def _open(view: GraphView, names: set[str]) -> set[str]:
    """The inputs of a function among nodes whose first size is unknown."""
    if view.graph.caller is not None:
        return set()
    found = {name for name in view.graph.inputs if name in names}
    shapes = {name: view.shape(f"{name}:0") for name in found}
    return {name for name in found if shapes[name].rank is None or None in shapes[name][:1]}
