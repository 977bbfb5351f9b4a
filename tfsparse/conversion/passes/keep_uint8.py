"""Plans layers in INT8 that alone would be no faster, where leaving them would stop uint8.

The cost model counts float32 activations on both sides. A first convolution of three channels, or
a narrow one at no sparsity, is then no faster than TensorFlow's. But if all that reads its result
is INT8, a float32 result would be written, read and quantized by each of them, and whatever is tied
to it, such as the other summand of a residual, would be float32 as well.

A depthwise convolution multiplies nothing that could be sparse, and TensorFlow has it for floats
alone. It becomes an op of ours where INT8 layers read its result. A product of squeeze-and-excite
in between (`gates`) is passed over: it takes uint8 too.

Contract: only plans that the prediction has turned down are changed, and not where the prediction
is below `planning.MIN_SPEEDUP_BEFORE_UINT8`. Layers go from the last to the first, since one that
is converted lets those before it follow; and again, as long as depthwise convolutions let more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.gates import gated
from tfsparse.conversion.graph_view import CONTROL, GraphView, Views
from tfsparse.conversion.planning import Plan, Planner
from tfsparse.conversion.uint8_regions import moved, takes_uint8


def keep_uint8(
    plans: Sequence[Plan], planner: Planner, views: Views, depthwise: Sequence[DenseLayer] = ()
) -> list[Plan]:
    """Plans anew what stands between INT8 layers.

    Args:
        plans: The plans of the layers of a function, for INT8, in the order of its graphs.
        planner: Made them.
        views: Views of the graphs, which have not been changed.
        depthwise: Depthwise convolutions.

    Returns:
        A plan for each layer and, behind them, for each depthwise convolution that is converted.
    """
    result = list(plans)
    quantized = {
        (id(plan.layer.graph), node): plan.layer
        for plan in plans
        if _is_int8(plan)
        for node in plan.layer.absorbed
    }
    layers = len(result)
    turned_down = {place for place, plan in enumerate(result) if plan.choice is not None}
    turned_down -= {place for place, plan in enumerate(result) if _is_int8(plan)}
    waiting = list(depthwise)
    while True:
        before = len(quantized)
        for place in sorted(turned_down, reverse=True):
            layer = result[place].layer
            if not _leads_to_int8(views.of(layer.graph), f"{layer.result}:0", quantized):
                continue
            turned_down.remove(place)
            other = planner.plan_before_uint8(layer)
            if other.convert:
                result[place] = other
                quantized |= {(id(layer.graph), node): layer for node in layer.absorbed}
        for layer in waiting[::-1]:
            if not _leads_to_int8(views.of(layer.graph), f"{layer.result}:0", quantized):
                continue
            waiting.remove(layer)
            plan = planner.plan_depthwise(layer)
            if plan.convert:
                result.insert(layers, plan)
                quantized |= {(id(layer.graph), node): layer for node in layer.absorbed}
        if len(quantized) == before:
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
            is_moved = passed is not None and reader.index < len(passed)
            if not is_moved and gated(view, reader.node) != reader.index:
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
