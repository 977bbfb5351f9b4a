"""Lets neighbouring INT8 ops hand each other u8 instead of float32.

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

from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_view import GraphView, NodeDef, node_name
from tfsparse.conversion.quantization import ActivationParams
from tfsparse.conversion.rewriting import INT8_OP

_MOVES = {"Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose"}
_LOOKS_AT_SHAPE = {"Shape", "Size", "Rank"}
_X, _X_SCALE, _X_ZERO_POINT = 0, 1, 2
_Y_SCALE, _Y_ZERO_POINT = 9, 10


@dataclasses.dataclass
class _Readers:
    """Names of what reads a result: INT8 ops, and nodes whose type follows it."""

    consumers: set[str] = dataclasses.field(default_factory=set)
    followers: set[str] = dataclasses.field(default_factory=set)


def hand_over_u8(graph: FrozenGraph, params: Mapping[str, ActivationParams]) -> FrozenGraph:
    """Turns results between INT8 ops into u8.

    Args:
        graph: A rewritten graph. It is not changed.
        params: Name of an INT8 op's node to how its result is read as u8.

    Returns:
        The graph with u8 between the ops wherever possible.
    """
    graph_def = tf.compat.v1.GraphDef()
    graph_def.CopyFrom(graph.graph_def)
    nodes = {node.name: node for node in graph_def.node}
    view = GraphView(graph)
    for node in graph.graph_def.node:
        if node.op != INT8_OP or node.name not in params:
            continue
        readers = _Readers()
        taken = _collect(view, f"{node.name}:0", readers)
        if taken and readers.consumers and readers.consumers <= params.keys():
            _set_u8(nodes, node.name, readers, params[node.name])
    return graph.with_graph_def(graph_def)


def _collect(view: GraphView, tensor: str, found: _Readers) -> bool:
    """Gathers the readers of a tensor; False if one of them needs float32."""
    if view.is_output(tensor):
        return False
    for reader in view.readers(tensor):
        node = reader.node
        if node.op == INT8_OP and reader.index == _X:
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


def _set_u8(
    nodes: Mapping[str, NodeDef], producer: str, readers: _Readers, params: ActivationParams
) -> None:
    uint8 = tf.uint8.as_datatype_enum
    node = nodes[producer]
    scale, zero_point = node.input[_Y_SCALE], node.input[_Y_ZERO_POINT]
    _set_value(nodes[node_name(scale)], np.float32(params.scale))
    _set_value(nodes[node_name(zero_point)], np.int32(params.zero_point))
    node.attr["Tout"].type = uint8
    for name in readers.followers:
        nodes[name].attr["T"].type = uint8
    for name in readers.consumers:
        consumer = nodes[name]
        consumer.attr["Tin"].type = uint8
        consumer.input[_X_SCALE] = scale
        consumer.input[_X_ZERO_POINT] = zero_point


def _set_value(constant: NodeDef, value: np.generic) -> None:
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
