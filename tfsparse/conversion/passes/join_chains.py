"""Plans narrow layers that alone would be no faster, where a neighbour runs in our ops.

The cost model counts that activations are packed before a product and unpacked behind it. In a
chain neither happens between two layers: a tile of rows stays where it is. So a layer of 13 inputs,
or of one output, costs next to nothing in the chain of its neighbour, while alone in TensorFlow it
makes the neighbour write or read all of its own activations as float32.

Contract: only plans that the prediction has turned down are changed (a layer that was timed and
was no faster stays), and only to the precision of the neighbour. Layers are gone through until
nothing changes, since one that is converted is a neighbour itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph_view import GraphView, Views
from tfsparse.conversion.planning import Plan, Planner


def join_chains(
    plans: Sequence[Plan],
    planner: Planner,
    views: Views,
    accepts: Callable[[Plan], bool] = lambda plan: True,
) -> list[Plan]:
    """Plans anew what may join the chains of its neighbours.

    Args:
        plans: The plans of the layers of a function, in the order of its graphs.
        planner: Made them.
        views: Views of the graphs, which have not been changed.
        accepts: Whether a new plan may take the place of the old one.

    Returns:
        A plan for each layer.
    """
    result = list(plans)
    if planner.measures:
        return result
    after = {
        place: other
        for place, plan in enumerate(plans)
        for other, reader in enumerate(plans)
        if place != other and _follows(views.of(plan.layer.graph), plan.layer, reader.layer)
    }
    before = {reader: place for place, reader in after.items()}
    changed = True
    while changed:
        changed = False
        for place, plan in enumerate(result):
            if plan.convert or plan.choice is None:
                continue
            other = _joined(
                plan, _at(result, before, place), _at(result, after, place), planner, accepts
            )
            if other is not None:
                result[place], changed = other, True
    return result


def _at(plans: Sequence[Plan], places: dict[int, int], place: int) -> Plan | None:
    """The plan of a neighbour, if it is converted."""
    if place not in places:
        return None
    plan = plans[places[place]]
    return plan if plan.convert else None


def _joined(
    plan: Plan,
    before: Plan | None,
    after: Plan | None,
    planner: Planner,
    accepts: Callable[[Plan], bool],
) -> Plan | None:
    out, inputs = plan.layer.weights.shape
    for neighbour in (before, after):
        if neighbour is None:
            continue
        precision = neighbour.precision
        elements = inputs if before is not None and before.precision == precision else 0
        elements += out if after is not None and after.precision == precision else 0
        other = planner.plan_in_chain(plan.layer, precision, elements)
        if other.convert and accepts(other):
            return other
    return None


def _follows(view: GraphView, layer: DenseLayer, reader: DenseLayer) -> bool:
    """Whether a layer alone reads another one's result, so that one op may compute both."""
    if layer.graph is not reader.graph or layer.geometry is not None or reader.geometry is not None:
        return False
    if view.through_identities(reader.x) != f"{layer.result}:0":
        return False
    if layer.residual is not None or layer.y_order is not None or reader.x_order is not None:
        return False
    if layer.dtype != reader.dtype or reader.x_axes != max(1, len(layer.y_axes)):
        return False
    tensor = f"{layer.result}:0"
    while (only := view.sole_reader(tensor)) is not None and only.node.op == "Identity":
        tensor = f"{only.node.name}:0"
    return only is not None and only.node.name in reader.absorbed
