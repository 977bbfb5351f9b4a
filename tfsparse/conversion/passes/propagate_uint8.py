"""Lets neighbouring INT8 ops pass uint8 to each other instead of float32.

Where everything that reads an INT8 op's result is the activations of another INT8 op, the
first requantizes its result and the second takes it as it is: same scale, same zero point, a
quarter of the memory traffic, and no quantization twice. In between may stand ops that
move elements without looking at them (a reshape), and ops that look at nothing but the
shape. A result that anything else reads stays float32, as does the model's own output. So do
those of INT8 ops that the model had before, and what they read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfsparse.conversion.graph import Graph, NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.op_interface import INT8_OP, X, place_of
from tfsparse.conversion.quantization import ActivationParams, scales_fit

_MOVES = {"Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose"}
_LOOKS_AT_SHAPE = {"Shape", "Size", "Rank"}


@dataclasses.dataclass
class _Readers:
    """Names of what reads a result: INT8 ops, and nodes whose type follows it."""

    consumers: set[str] = dataclasses.field(default_factory=set)
    followers: set[str] = dataclasses.field(default_factory=set)


def propagate_uint8(view: GraphView, params: Mapping[str, ActivationParams]) -> None:
    """Turns results between INT8 ops into uint8.

    Args:
        view: View of a rewritten graph. The graph is changed in place.
        params: Name of an INT8 op's node to how its result is read as uint8. Ops that
            measure the range of their activations when they run are not in it.
    """
    for node in list(view.nodes.values()):
        if node.op != INT8_OP or node.name not in params:
            continue
        readers = _Readers()
        taken = _collect(view, f"{node.name}:0", readers)
        known = readers.consumers and readers.consumers <= params.keys()
        if taken and known and _fits(view, node, params[node.name]):
            _set_uint8(view.graph, node.name, readers, params[node.name])


def _collect(view: GraphView, tensor: str, found: _Readers) -> bool:
    """Gathers the readers of a tensor; False if one of them needs float32."""
    if view.is_output(tensor):
        return False
    for reader in view.readers(tensor):
        node = reader.node
        if node.op == INT8_OP and reader.index == X:
            found.consumers.add(node.name)
        elif node.op in _LOOKS_AT_SHAPE and reader.index == 0:
            found.followers.add(node.name)
        elif node.op in _MOVES and reader.index == 0:
            found.followers.add(node.name)
            if not _collect(view, f"{node.name}:0", found):
                return False
        else:
            return False
    return True


def _fits(view: GraphView, node: NodeDef, params: ActivationParams) -> bool:
    """Whether the op would take the scale of its result."""
    inputs = view.data_inputs(node)
    x_scale, w_scale = (
        view.constant(inputs[place_of(INT8_OP, name)]) for name in ("x_scale", "w_scale")
    )
    return (
        x_scale is not None
        and w_scale is not None
        and scales_fit(float(x_scale), w_scale, params.scale)
    )


def _set_uint8(graph: Graph, producer: str, readers: _Readers, params: ActivationParams) -> None:
    uint8 = tf.uint8.as_datatype_enum
    node = graph.nodes[producer]
    scale, zero_point = (
        node.input[place_of(INT8_OP, name)] for name in ("y_scale", "y_zero_point")
    )
    _set_value(graph.nodes[node_name(scale)], np.float32(params.scale))
    _set_value(graph.nodes[node_name(zero_point)], np.int32(params.zero_point))
    node.attr["Tout"].type = uint8
    for name in readers.followers:
        graph.nodes[name].attr["T"].type = uint8
    for name in readers.consumers:
        consumer = graph.nodes[name]
        consumer.attr["Tin"].type = uint8
        consumer.input[place_of(INT8_OP, "x_scale")] = scale
        consumer.input[place_of(INT8_OP, "x_zero_point")] = zero_point


def _set_value(constant: NodeDef, value: np.generic) -> None:
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
