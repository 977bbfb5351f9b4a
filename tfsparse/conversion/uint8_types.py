"""Makes a region of `uint8_regions` uint8: types, scales and zero points of its nodes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsparse.conversion.graph import Graph, NodeDef, node_name
from tfsparse.conversion.op_interface import (
    ATTENTION_OP,
    INT8_CONV_OP,
    INT8_DEPTHWISE_OP,
    INT8_OP,
    MEANS_OP,
    place_in,
)
from tfsparse.conversion.pads import PADS
from tfsparse.conversion.passes.attend import with_uint8_ends
from tfsparse.conversion.quantization import ActivationParams
from tfsparse.conversion.uint8_regions import Region

_TYPE_OF_ROLE = {"residual": "Tresidual", "dense": "Tdense"}
"""The attribute that says the type of an input, where it is not ``Tin``."""

_EPILOGUES = (INT8_OP, INT8_CONV_OP, INT8_DEPTHWISE_OP)
"""Ops in which an activation that saturation replaces costs time."""


def set_uint8(graph: Graph, region: Region) -> None:
    """Makes all of a region uint8, as its parameters say. The graph is changed in place."""
    params = region.params
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
