"""Plans layers in INT8 that alone would be no faster, where leaving them would stop uint8.

The cost model counts float32 activations on both sides. A first convolution of three channels, or
a narrow one at no sparsity, is then no faster than TensorFlow's. But if all that reads its result
is INT8, a float32 result would be written, read and quantized by each of them, and whatever is tied
to it, such as the other summand of a residual, would be float32 as well.

Contract: only plans that the prediction has turned down are changed, and not where the prediction
is below `planning.MIN_SPEEDUP_BEFORE_UINT8`. Layers go from the last to the first, since one that
is converted lets those before it follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph_view import CONTROL, GraphView, Views
from tfsparse.conversion.passes.propagate_uint8 import moved, takes_uint8
from tfsparse.conversion.planning import Plan, Planner


def keep_uint8(plans: Sequence[Plan], planner: Planner, views: Views) -> list[Plan]:
    """Plans anew what stands between INT8 layers.

    Args:
        plans: The plans of the layers of a function, for INT8, in the order of its graphs.
        planner: Made them.
        views: Views of the graphs, which have not been changed.

    Returns:
        A plan for each layer.
    """
    result = list(plans)
    quantized = {
        (id(plan.layer.graph), node): plan.layer
        for plan in plans
        if _is_int8(plan)
        for node in plan.layer.absorbed
    }
    for place in reversed(range(len(result))):
        plan = result[place]
        if _is_int8(plan) or plan.choice is None:
            continue
        view = views.of(plan.layer.graph)
        if not _leads_to_int8(view, f"{plan.layer.result}:0", quantized):
            continue
        other = planner.plan_before_uint8(plan.layer)
        if other.convert:
            result[place] = other
            graph = id(plan.layer.graph)
            quantized |= {(graph, node): plan.layer for node in plan.layer.absorbed}
    return result


def _is_int8(plan: Plan) -> bool:
    return plan.convert and plan.precision == "int8"


def _leads_to_int8(
    view: GraphView, tensor: str, quantized: Mapping[tuple[int, str], DenseLayer]
) -> bool:
    """Whether all readers of a tensor, behind what only moves its elements, take uint8."""
    pending, seen, found = [tensor], {tensor}, False
    while pending:
        tensor = pending.pop()
        if view.is_output(tensor):
            return False
        for reader in view.readers(tensor):
            if reader.index == CONTROL or takes_uint8(view, reader.node):
                continue
            layer = quantized.get((id(view.graph), reader.node.name))
            if layer is not None and _adds_float(view, layer, tensor):
                return False
            if layer is not None:
                found = True
                continue
            passed = moved(view, reader.node)
            if passed is None or reader.index >= len(passed):
                return False
            result = f"{reader.node.name}:0"
            if result not in seen:
                seen.add(result)
                pending.append(result)
    return found


def _adds_float(view: GraphView, layer: DenseLayer, tensor: str) -> bool:
    """Whether a tensor is the residual of a layer that takes it as float32 only, a product."""
    if layer.geometry is not None or layer.residual is None:
        return False
    return view.through_identities(layer.residual) == view.through_identities(tensor)
