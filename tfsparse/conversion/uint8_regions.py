"""What has to be uint8 together: INT8 ops, and what stands between them.

Between an INT8 op that could give uint8 and one that could take it may stand ops that move elements
without looking at them (a reshape, a concatenation, zeros around images), ops that only compare or
average them (pooling), and ops that look at the shape alone. What such ops tie together is a
*region*: one type and one scale for all of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import CONTROL, GraphView, Reader
from tfsparse.conversion.op_interface import (
    ATTENTION_INPUTS,
    ATTENTION_OP,
    INT8_CONV_OP,
    INTERACTION_OP,
    QUANTIZED_OPS,
    X,
    place_in,
    place_of,
)
from tfsparse.conversion.pads import PADS, is_zero_pad
from tfsparse.conversion.passes.pool_uint8 import pooling_window
from tfsparse.conversion.quantization import ActivationParams

_MOVES = {
    *("Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose", "MirrorPad", "MaxPool"),
    *("ResizeNearestNeighbor", "Slice", "StridedSlice"),
}
"""Ops of one tensor of elements, which come out as they went in."""

ATTENTION_OPERANDS = ATTENTION_INPUTS[:3]
"""Inputs of attention that are uint8 together or not at all."""

MAKERS = (*QUANTIZED_OPS, ATTENTION_OP, INTERACTION_OP)
"""Ops that can give uint8."""

_LOOKS_AT_SHAPE = {"Shape", "Size", "Rank"}


@dataclasses.dataclass
class Region:
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


def region_of(view: GraphView, tensor: str, ours: Iterable[str]) -> Region | None:
    """The region of a tensor; None if it has to stay float32."""
    found = Region()
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


def _makers(view: GraphView, tensor: str, ours: Iterable[str], found: Region) -> list[str] | None:
    """The tensors that a tensor is made of; None if it cannot be uint8."""
    node = view.nodes[node_name(tensor)]
    if node.op in MAKERS and node.name in ours:
        found.producers[node.name] = None
        return []
    return moved(view, node)


def _reads(view: GraphView, reader: Reader, ours: Iterable[str], found: Region) -> list[str] | None:
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
