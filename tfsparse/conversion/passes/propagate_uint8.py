"""Lets neighbouring INT8 ops pass uint8 to each other instead of float32.

Where everything that reads the result of an INT8 op, of attention or of an interaction is the
activations or the residual of another INT8 op, the first requantizes its result and the second
takes it as it is: same scale, same zero point, a quarter of the memory traffic, and no quantization
twice. In between may stand ops that move elements without looking at them (a reshape, a
concatenation, zeros around images), ops that only compare or average them (pooling), and ops that
look at the shape alone. Means over all pixels of images are read from uint8, and are float32.

What such ops tie together is a *region*, and all that makes a tensor of it has the scale of its
widest range. Where one tensor of a region is read by anything else, is the model's own output, or
is made by another op, all of the region stays float32. So do results of INT8 ops that the model had
before, and what they read. A layer whose activations have a much smaller range than the region,
such as averages of what differs from pixel to pixel, would lose their last bits: then the region
stays float32 as well. So does a sum that blocks add to and read through a norm of their own, as in
the second ResNet: it is never normalized itself, and to round it again and again at the scale of
its widest channel cost more accuracy there than all else in INT8 together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import CONTROL, GraphView
from tfsparse.conversion.op_interface import (
    ATTENTION_OP,
    GATE_OP,
    INTERACTION_OP,
    QUANTIZED_OPS,
    SCALE_SHIFT_OP,
    X,
    place_of,
)
from tfsparse.conversion.quantization import ActivationParams, scales_fit, widest
from tfsparse.conversion.uint8_regions import ATTENTION_OPERANDS, MAKERS, Region, moved, region_of
from tfsparse.conversion.uint8_types import set_uint8

_MAX_COARSENING = 2.5
"""By as much the scale of a region may exceed the one that a layer's activations have by
themselves. That costs a bit."""


def propagate_uint8(view: GraphView, params: Mapping[str, ActivationParams]) -> None:
    """Turns results between INT8 ops into uint8.

    Args:
        view: View of a rewritten graph. The graph is changed in place.
        params: Name of an INT8 op's node to how its result is read as uint8. Ops that
            measure the range of their activations when they run are not in it.
    """
    params = dict(params) | dict(_params_of_readers(view))
    regions: dict[str, Region] = {}
    for node in list(view.nodes.values()):
        if node.op not in MAKERS or node.name not in params or node.name in regions:
            continue
        region = region_of(view, f"{node.name}:0", params.keys())
        if region is not None and (region.consumers or region.means):
            region.params = widest(params[name] for name in region.producers)
            if not _is_running_sum(view, region) and _fits(view, region, region.params):
                regions |= dict.fromkeys(region.producers, region)
    distinct = list({id(region): region for region in regions.values()}.values())
    for region in _with_whole_attention(distinct):
        set_uint8(view.graph, region)


def _with_whole_attention(regions: list[Region]) -> list[Region]:
    """The regions but those of a query, key or value whose attention takes another in float32."""
    while True:
        given = {each for region in regions for each in region.consumers}
        kept = [
            region
            for region in regions
            if all(
                (name, other) in given
                for name, role in region.consumers
                if role in ATTENTION_OPERANDS
                for other in ATTENTION_OPERANDS
            )
        ]
        if len(kept) == len(regions):
            return kept
        regions = kept


def _params_of_readers(view: GraphView) -> Iterator[tuple[str, ActivationParams]]:
    """How results of attention and interactions are read as uint8: as the INT8 op behind does."""
    for node in view.nodes.values():
        if node.op not in (ATTENTION_OP, INTERACTION_OP):
            continue
        found, pending = [], [f"{node.name}:0"]
        while pending:
            for reader in view.readers(pending.pop()):
                if reader.node.op in QUANTIZED_OPS and reader.index == X:
                    found.append(_read_params(view, reader.node))
                elif reader.index != CONTROL and reader.index < len(moved(view, reader.node) or []):
                    pending.append(f"{reader.node.name}:0")
        known = [each for each in found if each is not None]
        if known:
            yield node.name, widest(known)


def _read_params(view: GraphView, node: NodeDef) -> ActivationParams | None:
    """How an INT8 op reads its activations, if that is known before a call."""
    scale, zero_point = (
        view.constant(view.data_inputs(node)[place_of(node.op, name)])
        for name in ("x_scale", "x_zero_point")
    )
    if scale is None or zero_point is None:
        return None
    return ActivationParams(float(scale), int(zero_point))


def _is_running_sum(view: GraphView, region: Region) -> bool:
    """Whether a region is a residual to some and goes through a norm to others."""
    is_residual = any(role == "residual" for _, role in region.consumers)
    return is_residual and any(
        view.nodes[name].op == SCALE_SHIFT_OP for name, _ in region.consumers
    )


def _fits(view: GraphView, region: Region, params: ActivationParams) -> bool:
    """Whether the ops would take the scale of a region."""
    products = [name for name in region.producers if view.nodes[name].op in QUANTIZED_OPS]
    makers = [(name, None, params.scale) for name in products]
    readers = [(name, params.scale, 1.0) for name, role in region.consumers if role == "x"]
    for name, x_scale, y_scale in [*makers, *readers]:
        node = view.nodes[name]
        inputs = view.data_inputs(node)
        x = view.constant(inputs[place_of(node.op, "x_scale")]) if x_scale is None else x_scale
        is_layer = node.op not in (SCALE_SHIFT_OP, GATE_OP)
        w = _factors(view, node)
        if x is None or w is None or not scales_fit(float(x), w, y_scale):
            return False
        own = view.constant(inputs[place_of(node.op, "x_scale")])
        if is_layer and own is not None and float(x) > _MAX_COARSENING * float(own):
            return False
    return True


def _factors(view: GraphView, node: NodeDef) -> np.ndarray | None:
    """What an op multiplies by, beside scales of activations; None where that is not constant."""
    if node.op == GATE_OP:  # What a call multiplies by is known when it runs.
        return np.ones(1, np.float32)
    name = "scale" if node.op == SCALE_SHIFT_OP else "w_scale"
    return view.constant(view.data_inputs(node)[place_of(node.op, name)])
