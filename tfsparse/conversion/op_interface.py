"""Our ops as a graph sees them: the order of their inputs, and their attributes, in this one place.

It mirrors what `block_sparse_matmul_op.cc`, `block_sparse_conv_op.cc`, `pooling_op.cc`,
`channel_ops.cc`, `depthwise_op.cc`, `gate_channels_op.cc`, `attention_op.cc`,
`normalization_op.cc` and `lookup_interaction_op.cc` in `custom_ops/tf_ops/` register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfsparse.conversion.geometry import NO_PADS, Geometry
from tfsparse.conversion.graph import NodeDef

OUR_OPS = "Tfsparse>"
"""How the names of all ops of ours begin."""

FLOAT_OP = "Tfsparse>BlockSparseMatMul"
INT8_OP = "Tfsparse>QuantizedBlockSparseMatMul"
FLOAT_CONV_OP = "Tfsparse>BlockSparseConv2D"
INT8_CONV_OP = "Tfsparse>QuantizedBlockSparseConv2D"
RANGE_OP = "Tfsparse>ActivationRange"
ATTENTION_OP = "Tfsparse>Attention"
INT8_ATTENTION_OP = "Tfsparse>QuantizedAttention"
NORMALIZATION_OP = "Tfsparse>Normalization"
INTERACTION_OP = "Tfsparse>LookupInteraction"
SCALE_SHIFT_OP = "Tfsparse>ScaleShiftChannels"
INT8_DEPTHWISE_OP = "Tfsparse>QuantizedDepthwiseConv2D"
GATE_OP = "Tfsparse>GateChannels"
MEANS_OP = "Tfsparse>ChannelMeans"
POOL_OPS = {"MaxPool": "Tfsparse>MaxPool2D", "AvgPool": "Tfsparse>AveragePool2D"}
"""TensorFlow's pooling to ours, which takes uint8."""

QUANTIZED_OPS = (INT8_OP, INT8_CONV_OP, INT8_DEPTHWISE_OP, SCALE_SHIFT_OP, GATE_OP)
"""Ops that take and give uint8, or float32."""

CHAIN_OF = {
    FLOAT_OP: "Tfsparse>BlockSparseMatMulChain",
    INT8_OP: "Tfsparse>QuantizedBlockSparseMatMulChain",
}

MAX_LAYERS = 16
"""As many layers a chain may have (custom_ops/engine/layer_call.h)."""

MAX_AXES = 8
"""Over as many axes inputs may be spread, and outputs (custom_ops/tf_ops/op_inputs.cc)."""

MAX_FILTER_INPUTS = 1 << 22
"""As many inputs a filter of a convolution may have (custom_ops/conv/conv_geometry.h)."""

X = 0
"""The input that holds the activations, in all ops."""

_FLOAT_LAYER = ("data", "indices", "indptr", "bias")
_INT8_LAYER = ("x_scale", "x_zero_point", "data", "indices", "indptr", "w_scale", "bias")

PER_LAYER = {
    FLOAT_OP: _FLOAT_LAYER,
    INT8_OP: _INT8_LAYER,
    FLOAT_CONV_OP: _FLOAT_LAYER,
    INT8_CONV_OP: _INT8_LAYER,
    INT8_DEPTHWISE_OP: ("x_scale", "x_zero_point", "weights", "w_scale", "bias"),
    SCALE_SHIFT_OP: ("x_scale", "x_zero_point", "scale", "shift"),
    GATE_OP: ("x_scale", "x_zero_point", "gate"),
}
"""Inputs behind x that a chain has of each of its layers."""

TYPES_PER_LAYER = {
    FLOAT_OP: {"Tint": tf.int32, "Tfloat": tf.float32},
    INT8_OP: {"T": tf.int8, "Tint": tf.int32, "Tfloat": tf.float32},
}
"""Attributes of a chain that list a type for each layer, beside the `T` of float weights."""

_Y = ("y_scale", "y_zero_point")

OF_LAST = {
    FLOAT_OP: ("residual",),
    INT8_OP: ("residual", *_Y),
    FLOAT_CONV_OP: ("residual",),
    INT8_CONV_OP: ("residual", "residual_scale", "residual_zero_point", *_Y),
    INT8_DEPTHWISE_OP: _Y,
    SCALE_SHIFT_OP: _Y,
    GATE_OP: _Y,
}
"""Inputs behind those that a chain has of its last layer only."""


ATTENTION_INPUTS = ("query", "key", "value", "bias", "mask")
"""Inputs of both ops of attention."""

ATTENTION_SCALES = (
    *("query_scale", "query_zero_point", "key_scale", "key_zero_point"),
    *("value_scale", "value_zero_point", *_Y),
)
"""Inputs behind those that the op of uint8 has."""

NORMALIZATION_INPUTS = ("x", "residual", "gamma", "beta", *_Y)

INTERACTION_INPUTS = (
    *("dense", "dense_scale", "dense_zero_point", "tables", "table_scales", "ids", "row_splits"),
    *_Y,
)
"""Inputs of interactions, several of which are lists."""


def place_of(op: str, name: str) -> int:
    """The place of an input of an op that is no chain."""
    if op == INT8_ATTENTION_OP:
        return (*ATTENTION_INPUTS, *ATTENTION_SCALES).index(name)
    return 1 + (*PER_LAYER[op], *OF_LAST[op]).index(name)


def place_in(node: NodeDef, name: str) -> int:
    """The place of an input of a node that is no chain, and no list."""
    if node.op != INTERACTION_OP:
        return place_of(node.op, name)
    if name not in _Y:
        return INTERACTION_INPUTS[:3].index(name)
    types = ("Ttables", "Tscales", "Tids", "Tsplits")
    lists = sum(len(node.attr[each].list.type) for each in types)
    return 3 + lists + _Y.index(name)


def op_node(
    op: str,
    name: str,
    inputs: Mapping[str, str],
    attributes: Mapping[str, Any],
    control: Sequence[str] = (),
) -> NodeDef:
    """A node of one of our ops.

    Args:
        op: A key of `PER_LAYER`.
        name: The node's name.
        inputs: Name of an input, ``"x"`` among them, to reference.
        attributes: Name of an attribute to a bool, int, text, list of ints or `tf.DType`.
        control: References ``^node`` of what has to run before.
    """
    node = tf.compat.v1.NodeDef(name=name, op=op)
    node.input.append(inputs["x"])
    node.input.extend(inputs[each] for each in (*PER_LAYER[op], *OF_LAST[op]))
    node.input.extend(control)
    for key, value in attributes.items():
        set_attribute(node, key, value)
    return node


def convolution_attributes(geometry: Geometry) -> dict[str, Any]:
    """The attributes of a convolution's op that say how its window moves."""
    return {
        "kernel_size": geometry.kernel_size,
        "strides": geometry.strides,
        "dilations": geometry.dilations,
        "paddings": geometry.pads or NO_PADS,
        "padding": "SAME" if geometry.pads is None else "EXPLICIT",
        "groups": geometry.groups,
    }


def attention_node(
    name: str,
    inputs: Mapping[str, str],
    attributes: Mapping[str, Any],
    control: Sequence[str] = (),
) -> NodeDef:
    """A node of attention, in float32 or, if it has a `y_scale`, with uint8 at its ends.

    Args:
        name: The node's name.
        inputs: Name of an input to reference.
        attributes: Name of an attribute to its value; see `set_attribute`.
        control: References ``^node`` of what has to run before.
    """
    quantized = "y_scale" in inputs
    names = [*ATTENTION_INPUTS, *(ATTENTION_SCALES if quantized else ())]
    op = INT8_ATTENTION_OP if quantized else ATTENTION_OP
    return _node(op, name, [inputs[each] for each in names], attributes, control)


def normalization_node(
    name: str,
    inputs: Mapping[str, str],
    attributes: Mapping[str, Any],
    control: Sequence[str] = (),
) -> NodeDef:
    """A node of a normalization; see `attention_node`."""
    references = [inputs[each] for each in NORMALIZATION_INPUTS]
    return _node(NORMALIZATION_OP, name, references, attributes, control)


def interaction_node(
    name: str,
    inputs: Mapping[str, str | list[str]],
    attributes: Mapping[str, Any],
    control: Sequence[str] = (),
) -> NodeDef:
    """A node of an interaction; see `attention_node`. Some inputs are lists of references."""
    references: list[str] = []
    for each in INTERACTION_INPUTS:
        given = inputs[each]
        references += [given] if isinstance(given, str) else given
    return _node(INTERACTION_OP, name, references, attributes, control)


def _node(
    op: str,
    name: str,
    references: Sequence[str],
    attributes: Mapping[str, Any],
    control: Sequence[str],
) -> NodeDef:
    node = tf.compat.v1.NodeDef(name=name, op=op, input=[*references, *control])
    for key, value in attributes.items():
        set_attribute(node, key, value)
    return node


def pool_node(
    op: str, name: str, x: str, geometry: Geometry, control: Sequence[str] = ()
) -> NodeDef:
    """A node that pools uint8 images; `op` is a value of `POOL_OPS`."""
    node = tf.compat.v1.NodeDef(name=name, op=op, input=[x, *control])
    set_attribute(node, "pool_size", geometry.kernel_size)
    for key in ("strides", "paddings", "padding"):
        set_attribute(node, key, convolution_attributes(geometry)[key])
    return node


def chain_node(ops: Sequence[NodeDef], control: Sequence[str]) -> NodeDef:
    """The node of a chain of ops, which takes the name of the last one."""
    first, last = ops[0], ops[-1]
    node = tf.compat.v1.NodeDef(name=last.name, op=CHAIN_OF[last.op])
    node.input.append(first.input[X])
    for name in PER_LAYER[last.op]:
        node.input.extend(op.input[place_of(op.op, name)] for op in ops)
    node.input.extend(last.input[place_of(last.op, name)] for name in OF_LAST[last.op])
    node.input.extend(control)
    for key, dtype in TYPES_PER_LAYER[last.op].items():
        node.attr[key].list.type.extend([dtype.as_datatype_enum] * len(ops))
    set_attribute(node, "units", [op.attr["units"].i for op in ops])
    node.attr["activations"].list.s.extend(op.attr["activation"].s for op in ops)
    set_attribute(node, "is_weight_const", True)
    for key in ("inputs", "x_axes", "x_sizes"):
        node.attr[key].CopyFrom(first.attr[key])
    node.attr["y_axes"].CopyFrom(last.attr["y_axes"])
    if last.op == INT8_OP:
        node.attr["Tin"].CopyFrom(first.attr["Tin"])
        node.attr["Tout"].CopyFrom(last.attr["Tout"])
    else:
        node.attr["T"].list.type.extend(op.attr["T"].type for op in ops)
    return node


def set_attribute(node: NodeDef, key: str, value: Any) -> None:
    """Sets an attribute of a node to a bool, int, float, text or `tf.DType`, or a list of one."""
    attribute = node.attr[key]
    if isinstance(value, bool):
        attribute.b = value
    elif isinstance(value, int):
        attribute.i = value
    elif isinstance(value, float):
        attribute.f = value
    elif isinstance(value, str):
        attribute.s = value.encode()
    elif isinstance(value, tf.DType):
        attribute.type = value.as_datatype_enum
    else:
        attribute.list.SetInParent()
        for each in value:
            if isinstance(each, bool):
                attribute.list.b.append(each)
            elif isinstance(each, str):
                attribute.list.s.append(each.encode())
            elif isinstance(each, tf.DType):
                attribute.list.type.append(each.as_datatype_enum)
            else:
                attribute.list.i.append(int(each))
