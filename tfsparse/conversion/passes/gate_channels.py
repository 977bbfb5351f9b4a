"""Puts one op of ours in the place of squeeze-and-excite's product, which may then be of uint8.

The block before a product by a projection (EfficientNet, MobileNetV3) multiplies each channel by a
number that it has found from the mean of the channel. TensorFlow has that for floats alone.

Contract: only a product that leads to the activations of an INT8 layer of known range is replaced,
and only where an op of ours that can give uint8 makes the images.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfsparse.conversion.gates import gated
from tfsparse.conversion.graph import NodeDef, node_name, reference_of
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.op_interface import GATE_OP, QUANTIZED_OPS, op_node
from tfsparse.conversion.passes.replace_makers import replace_makers
from tfsparse.conversion.quantization import ActivationParams


def gate_channels(
    view: GraphView, params: Mapping[str, ActivationParams]
) -> dict[str, ActivationParams]:
    """Replaces products of channels before INT8 layers.

    Args:
        view: View of a rewritten graph. The graph is changed in place.
        params: The activations of INT8 layers to how they are read as uint8.

    Returns:
        Names of the new ops to how their results are read.
    """

    def replace(node: NodeDef) -> bool:
        place = gated(view, node)
        if place is None:
            return False
        images = view.data_inputs(node)[place]
        if view.nodes[node_name(view.through_identities(images))].op not in QUANTIZED_OPS:
            return False
        _replace(view, node, place)
        return True

    return replace_makers(view, params, replace)


def _replace(view: GraphView, node: NodeDef, place: int) -> None:
    graph = view.graph
    inputs = view.data_inputs(node)
    references = {"x": reference_of(inputs[place]), "gate": reference_of(inputs[1 - place])}
    for end in ("x", "y"):
        references[f"{end}_scale"] = graph.add_constant(f"{node.name}/{end}_scale", np.float32(1))
        zero_point = graph.add_constant(f"{node.name}/{end}_zero_point", np.int32(0))
        references[f"{end}_zero_point"] = zero_point
    waits = graph.waits_of([node.name])
    del graph.nodes[node.name]
    attributes = {"Tin": tf.float32, "Tout": tf.float32}
    graph.add(op_node(GATE_OP, node.name, references, attributes, waits))
