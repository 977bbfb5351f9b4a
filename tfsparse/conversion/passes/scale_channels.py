"""Puts one op in the place of what scales, shifts and bounds the activations of an INT8 layer.

Networks with BatchNorm and ReLU before a convolution (DenseNet, the second ResNet) compute them on
a sum or a concatenation that others read as well, so that no product can take them into itself. Our
op does all of it in one pass over the channels, and it takes and gives uint8 where
`propagate_uint8` finds that its neighbours do. Without it both sides would be float32.

Contract: only what leads to the activations of an INT8 layer of known range is replaced. Nothing
else may read what is computed in between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfsparse.conversion.affine import read_affine
from tfsparse.conversion.graph import NodeDef, node_name, reference_of
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.op_interface import SCALE_SHIFT_OP, op_node
from tfsparse.conversion.passes.replace_makers import replace_makers
from tfsparse.conversion.quantization import ActivationParams

_ACTIVATIONS = {"Relu": "relu", "Relu6": "relu6"}


@dataclasses.dataclass
class _Chain:
    """``activation(scale * source + shift)``, with the nodes that compute it."""

    source: str
    scale: np.ndarray
    shift: np.ndarray
    activation: str
    nodes: set[str]


def scale_channels(
    view: GraphView, params: Mapping[str, ActivationParams]
) -> dict[str, ActivationParams]:
    """Replaces scales, shifts and bounds before INT8 layers.

    Args:
        view: View of a rewritten graph. The graph is changed in place.
        params: The activations of INT8 layers to how they are read as uint8.

    Returns:
        Names of the new ops to how their results are read.
    """

    def replace(node: NodeDef) -> bool:
        chain = _chain(view, node)
        if chain is not None:
            _replace(view, node, chain)
        return chain is not None

    return replace_makers(view, params, replace)


def _chain(view: GraphView, node: NodeDef) -> _Chain | None:
    """What a node ends, back to where something else begins; None if it is nothing of the kind."""
    shape = view.shape(f"{node.name}:0")
    if shape.rank is None or shape.rank < 2 or shape[-1] is None:
        return None
    channels = int(shape[-1])
    found = _Chain(f"{node.name}:0", np.ones(channels), np.zeros(channels), "linear", set())
    if node.op in _ACTIVATIONS:
        found.activation = _ACTIVATIONS[node.op]
        found.source = view.data_inputs(node)[0]
        found.nodes.add(node.name)
    while _take_affine(view, found, shape):
        pass
    with np.errstate(over="ignore"):
        both = np.stack([found.scale, found.shift]).astype(np.float32)
    return found if found.nodes and np.isfinite(both).all() else None


def _take_affine(view: GraphView, chain: _Chain, shape: tf.TensorShape) -> bool:
    """Takes the scale or shift that the source is made by, if it is one that nobody else reads."""
    node = view.nodes[node_name(view.through_identities(chain.source))]
    inputs = view.data_inputs(node)
    if not inputs or (chain.nodes and not _only_read_by(view, chain.source, chain.nodes)):
        return False
    operand = 1 if len(inputs) > 1 and view.is_constant(inputs[0]) else 0
    affine = read_affine(view, node, operand, (int(shape[-1]),))
    source = view.shape(inputs[operand])
    if affine is None or source.rank is None or source.as_list() != shape.as_list():
        return False
    if affine.shift is not None:
        chain.shift = chain.shift + chain.scale * affine.shift
    if affine.scale is not None:
        chain.scale = chain.scale * affine.scale
    chain.nodes |= {node.name, *view.identities(chain.source)}
    chain.source = inputs[operand]
    return True


def _only_read_by(view: GraphView, tensor: str, nodes: set[str]) -> bool:
    """Whether nothing else reads a tensor, identities on the way included."""
    while True:
        if view.is_output(tensor):
            return False
        readers = view.readers(tensor)
        node = view.nodes[node_name(tensor)]
        if any(reader.node.name not in nodes for reader in readers):
            return False
        if node.op != "Identity":
            return True
        nodes = {node.name}
        tensor = view.data_inputs(node)[0]


def _replace(view: GraphView, node: NodeDef, chain: _Chain) -> None:
    graph = view.graph
    values: dict[str, np.ndarray | np.generic] = {
        "x_scale": np.float32(1),
        "x_zero_point": np.int32(0),
        "scale": chain.scale.astype(np.float32),
        "shift": chain.shift.astype(np.float32),
        "y_scale": np.float32(1),
        "y_zero_point": np.int32(0),
    }
    inputs = {"x": reference_of(chain.source)}
    for name, value in values.items():
        inputs[name] = graph.add_constant(f"{node.name}/{name}", value)
    attributes = {"Tin": tf.float32, "Tout": tf.float32, "activation": chain.activation}
    waits = graph.waits_of(chain.nodes)
    del graph.nodes[node.name]
    graph.add(op_node(SCALE_SHIFT_OP, node.name, inputs, attributes, waits))
