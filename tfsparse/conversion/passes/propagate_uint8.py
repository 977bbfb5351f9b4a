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

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from tfsparse.conversion.graph import Graph, NodeDef, node_name
from tfsparse.conversion.graph_view import CONTROL, GraphView, Reader
from tfsparse.conversion.op_interface import (
    ATTENTION_INPUTS,
    ATTENTION_OP,
    GATE_OP,
    INT8_CONV_OP,
    INT8_DEPTHWISE_OP,
    INT8_OP,
    INTERACTION_OP,
    MEANS_OP,
    QUANTIZED_OPS,
    SCALE_SHIFT_OP,
    X,
    place_in,
    place_of,
)
from tfsparse.conversion.pads import PADS, is_zero_pad
from tfsparse.conversion.passes.attend import with_uint8_ends
from tfsparse.conversion.passes.pool_uint8 import pooling_window
from tfsparse.conversion.quantization import ActivationParams, scales_fit, widest

_MOVES = {
    *("Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose", "MirrorPad", "MaxPool"),
    *("ResizeNearestNeighbor", "Slice", "StridedSlice"),
}
"""Ops of one tensor of elements, which come out as they went in."""

ATTENTION_OPERANDS = ATTENTION_INPUTS[:3]
"""Inputs of attention that are uint8 together or not at all."""

_MAKERS = (*QUANTIZED_OPS, ATTENTION_OP, INTERACTION_OP)
"""Ops that can give uint8."""

_TYPE_OF_ROLE = {"residual": "Tresidual", "dense": "Tdense"}
"""The attribute that says the type of an input, where it is not ``Tin``."""

_EPILOGUES = (INT8_OP, INT8_CONV_OP, INT8_DEPTHWISE_OP)
"""Ops in which an activation that saturation replaces costs time."""

_LOOKS_AT_SHAPE = {"Shape", "Size", "Rank"}


_MAX_COARSENING = 2.5
"""By as much the scale of a region may exceed the one that a layer's activations have by
themselves. That costs a bit."""


@dataclasses.dataclass
class _Region:
    """Tensors that are uint8 together or not at all, by who makes and reads them.

    Attributes:
        producers: Names of the INT8 ops and of attention that make them.
        consumers: Names of ops that read them, and as what: ``"x"`` or ``"residual"`` of an INT8
            op, ``"query"``, ``"key"`` or ``"value"`` of attention, ``"dense"`` of an interaction.
        followers: Names of the nodes whose type follows theirs.
        means: Names of nodes that take the mean of all pixels.
        params: How all of them are read as uint8.
    """

    producers: dict[str, None] = dataclasses.field(default_factory=dict)
    consumers: dict[tuple[str, str], None] = dataclasses.field(default_factory=dict)
    followers: dict[str, None] = dataclasses.field(default_factory=dict)
    means: dict[str, None] = dataclasses.field(default_factory=dict)
    params: ActivationParams = dataclasses.field(default=ActivationParams(1.0, 0))


def propagate_uint8(view: GraphView, params: Mapping[str, ActivationParams]) -> None:
    """Turns results between INT8 ops into uint8.

    Args:
        view: View of a rewritten graph. The graph is changed in place.
        params: Name of an INT8 op's node to how its result is read as uint8. Ops that
            measure the range of their activations when they run are not in it.
    """
    params = dict(params) | dict(_params_of_readers(view))
    regions: dict[str, _Region] = {}
    for node in list(view.nodes.values()):
        if node.op not in _MAKERS or node.name not in params or node.name in regions:
            continue
        region = _region(view, f"{node.name}:0", params.keys())
        if region is not None and (region.consumers or region.means):
            region.params = widest(params[name] for name in region.producers)
            if not _is_running_sum(view, region) and _fits(view, region, region.params):
                regions |= dict.fromkeys(region.producers, region)
    distinct = list({id(region): region for region in regions.values()}.values())
    for region in _with_whole_attention(distinct):
        _set_uint8(view.graph, region, region.params)


def _with_whole_attention(regions: list[_Region]) -> list[_Region]:
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


def _region(view: GraphView, tensor: str, ours: Iterable[str]) -> _Region | None:
    """The region of a tensor; None if it has to stay float32."""
    found = _Region()
    seen, pending = {tensor}, [tensor]
    while pending:
        tensor = pending.pop()
        tied = _makers(view, tensor, ours, found)
        for reader in view.readers(tensor):
            more = _reads(view, reader, ours, found)
            tied = None if tied is None or more is None else [*tied, *more]
        if tied is None or view.is_output(tensor):
            return None
        pending += [each for each in tied if each not in seen]
        seen.update(tied)
    return found


def _is_running_sum(view: GraphView, region: _Region) -> bool:
    """Whether a region is a residual to some and goes through a norm to others."""
    is_residual = any(role == "residual" for _, role in region.consumers)
    return is_residual and any(
        view.nodes[name].op == SCALE_SHIFT_OP for name, _ in region.consumers
    )


def _fits(view: GraphView, region: _Region, params: ActivationParams) -> bool:
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


def _makers(view: GraphView, tensor: str, ours: Iterable[str], found: _Region) -> list[str] | None:
    """The tensors that a tensor is made of; None if it cannot be uint8."""
    node = view.nodes[node_name(tensor)]
    if node.op in _MAKERS and node.name in ours:
        found.producers[node.name] = None
        return []
    return moved(view, node)


def _reads(
    view: GraphView, reader: Reader, ours: Iterable[str], found: _Region
) -> list[str] | None:
    """The tensors that are made of one that is read; None if the reader needs float32."""
    node = reader.node
    if reader.index == CONTROL:
        return []
    if node.op in QUANTIZED_OPS:
        role = _role(node, reader.index)
        if role is None or node.name not in ours:
            return None
        found.consumers[node.name, role] = None
        return []
    if node.op == ATTENTION_OP:
        if reader.index >= len(ATTENTION_OPERANDS):
            return None
        found.consumers[node.name, ATTENTION_OPERANDS[reader.index]] = None
        return []
    if node.op == INTERACTION_OP:
        if reader.index != place_in(node, "dense"):
            return None
        found.consumers[node.name, "dense"] = None
        return []
    if reader.index == 0 and takes_uint8(view, node):
        (found.means if node.op == "Mean" else found.followers)[node.name] = None
        return []
    passed = moved(view, node)
    if passed is None or reader.index >= len(passed):
        return None
    found.followers[node.name] = None
    return [f"{node.name}:0"]


def moved(view: GraphView, node: NodeDef) -> list[str] | None:
    """The tensors whose elements a node passes on; None if it does something else."""
    inputs = view.data_inputs(node)
    if node.op == "ConcatV2":
        return inputs[:-1]
    if node.op in _MOVES or (node.op in PADS and is_zero_pad(view, node)):
        return inputs[:1]
    if node.op == "AvgPool" and pooling_window(node) is not None:
        return inputs[:1]
    return None


def takes_uint8(view: GraphView, node: NodeDef) -> bool:
    """Whether a node that is none of our ops reads uint8 as well, and gives something else."""
    if node.op in _LOOKS_AT_SHAPE:
        return True
    if node.op != "Mean" or view.shape(view.data_inputs(node)[0]).rank != 4:
        return False
    axes = view.constant(view.data_inputs(node)[1])
    return axes is not None and sorted(axes.reshape(-1) % 4) == [1, 2]


def _role(node: NodeDef, index: int) -> str | None:
    if index == X:
        return "x"
    if node.op == INT8_CONV_OP and index == place_of(node.op, "residual"):
        return "residual"
    return None


def _set_uint8(graph: Graph, region: _Region, params: ActivationParams) -> None:
    uint8 = tf.uint8.as_datatype_enum
    scale = zero_point = ""
    for name in region.producers:
        node = graph.nodes[name]
        if node.op == ATTENTION_OP:
            node = with_uint8_ends(graph, node)
        scale, zero_point = (
            node.input[place_in(node, each)] for each in ("y_scale", "y_zero_point")
        )
        _set_value(graph.nodes[node_name(scale)], np.float32(params.scale))
        _set_value(graph.nodes[node_name(zero_point)], np.int32(params.zero_point))
        node.attr["Tout"].type = uint8
        if node.op in _EPILOGUES and _saturates_at_six(params):
            _use_relu(node)
    for name in region.followers:
        graph.nodes[name].attr["T"].type = uint8
        if graph.nodes[name].op in PADS:
            _pad_with(graph, graph.nodes[name], params.zero_point)
    for name in region.means:
        _read_means(graph, name, scale, zero_point)
    for name, role in region.consumers:
        consumer = graph.nodes[name]
        if consumer.op == ATTENTION_OP:
            consumer = with_uint8_ends(graph, consumer)
        consumer.attr[_TYPE_OF_ROLE.get(role, "Tin")].type = uint8
        consumer.input[place_in(consumer, f"{role}_scale")] = scale
        consumer.input[place_in(consumer, f"{role}_zero_point")] = zero_point


def _saturates_at_six(params: ActivationParams) -> bool:
    """Whether 6 and all above it are read as 255."""
    scaled = np.float32(6) * (np.float32(1) / np.float32(params.scale))
    return bool(np.rint(scaled) + params.zero_point >= 255)


def _use_relu(node: NodeDef) -> None:
    """Leaves the bound of a ReLU6 to the saturation of uint8: the epilogue of a ReLU is shorter."""
    if node.attr["activation"].s == b"relu6":
        node.attr["activation"].s = b"relu"


def _read_means(graph: Graph, name: str, scale: str, zero_point: str) -> None:
    """Lets a node take means of uint8."""
    mean = graph.nodes[name]
    waits = [reference for reference in mean.input if reference.startswith("^")]
    node = tf.compat.v1.NodeDef(name=name, op=MEANS_OP)
    node.input.extend([mean.input[0], scale, zero_point, *waits])
    node.attr["keep_dims"].b = mean.attr["keep_dims"].b
    graph.nodes[name] = node


def _pad_with(graph: Graph, node: NodeDef, value: int) -> None:
    """Lets a node pad with a number other than 0."""
    constant = graph.add_constant(f"{node.name}/zero_point", np.uint8(value))
    data = [reference for reference in node.input if not reference.startswith("^")]
    waits = [reference for reference in node.input if reference.startswith("^")]
    node.op = "PadV2"
    graph.replace_inputs(node.name, [*data[:2], constant, *waits])


def _set_value(constant: NodeDef, value: np.generic) -> None:
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
