"""Products that a model computes in integers and scales back, as Keras's ``quantize("int8")`` does.

Keras quantizes the activations of a layer in each call: ``s = 127 / (max|x| + eps)``, ``q =
clip(round(x s))``; it multiplies integers, and divides the sums by ``s`` times the scale of the
kernel. That is a product of ``x`` itself by a constant kernel, so our op takes ``x``, in the
precision that was asked for, and what the model rounded is not rounded a second time.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfsparse.conversion.affine import along
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.products import Product

_CLIPS = {"Minimum", "Maximum", "ClipByValue"}
_MOVES = {"Identity", "Transpose", "ExpandDims", "Squeeze", "Reshape", "Cast"}


@dataclasses.dataclass(frozen=True, eq=False)
class Dequantized:
    """What an integer product amounts to.

    Attributes:
        x: Name of the tensor that was quantized.
        output_scale: float64 factor of each output.
        nodes: The nodes from behind the product to the division, in order.
    """

    x: str
    output_scale: np.ndarray
    nodes: tuple[NodeDef, ...]


def read_dequantized(view: GraphView, node: NodeDef, product: Product) -> Dequantized | None:
    """Reads what stands around a product of integers.

    Args:
        view: The graph.
        node: The node that multiplies.
        product: It, as a product by a constant.

    Returns:
        What it amounts to; None if the pattern is another one.
    """
    if product.x_order is not None or product.y_order is not None:
        return None
    quantized = _quantized(view, product.x)
    if quantized is None:
        return None
    x, scale = quantized
    nodes, last = [], node
    while (reader := view.sole_reader(f"{last.name}:0")) is not None:
        last = reader.node
        nodes.append(last)
        if last.op != "Cast":
            break
    if not nodes or last.op != "RealDiv" or reader is None or reader.index != 0:
        return None
    constant = _other_factor(view, view.data_inputs(last)[1], scale)
    rank = view.shape(f"{node.name}:0").rank
    vector = None if constant is None else along(constant, product.y_axes, rank)
    if vector is None or np.any(vector == 0):
        return None
    return Dequantized(x, 1 / vector, tuple(nodes))


def _quantized(view: GraphView, tensor: str) -> tuple[str, str] | None:
    """The tensor that was quantized, and that of its scale."""
    node = view.nodes[node_name(tensor)]
    while node.op in _CLIPS or node.op in ("Cast", "Identity"):
        if node.op in ("Minimum", "Maximum") and not view.is_constant(view.data_inputs(node)[1]):
            return None
        node = view.nodes[node_name(view.data_inputs(node)[0])]
    if node.op not in ("Round", "Rint"):
        return None
    node = view.nodes[node_name(view.data_inputs(node)[0])]
    if node.op != "Mul":
        return None
    one, other = view.data_inputs(node)
    for x, scale in ((one, other), (other, one)):
        if _is_scale_of(view, scale, x):
            return x, scale
    return None


def _is_scale_of(view: GraphView, scale: str, x: str) -> bool:
    """Whether a tensor is a constant over the greatest magnitude of x, plus a constant."""
    node = view.nodes[node_name(scale)]
    if node.op != "RealDiv" or not view.is_constant(view.data_inputs(node)[0]):
        return False
    node = view.nodes[node_name(view.data_inputs(node)[1])]
    if node.op in ("Add", "AddV2", "Maximum"):
        inputs = view.data_inputs(node)
        place = 0 if view.is_constant(inputs[1]) else 1
        if not view.is_constant(inputs[1 - place]):
            return False
        node = view.nodes[node_name(inputs[place])]
    if node.op != "Max":
        return False
    node = view.nodes[node_name(view.data_inputs(node)[0])]
    return node.op == "Abs" and view.through_identities(
        view.data_inputs(node)[0]
    ) == view.through_identities(x)


def _other_factor(view: GraphView, tensor: str, scale: str) -> np.ndarray | None:
    """The constant that stands beside the scale in a product of the two."""
    node = view.nodes[node_name(tensor)]
    if node.op != "Mul":
        return None
    one, other = view.data_inputs(node)
    for factor, constant in ((one, other), (other, one)):
        if view.is_constant(constant) and _moved_from(view, factor) == scale:
            return view.constant(constant)
    return None


def _moved_from(view: GraphView, tensor: str) -> str:
    """The tensor whose elements another one holds in other axes."""
    node = view.nodes[node_name(tensor)]
    while node.op in _MOVES:
        tensor = view.data_inputs(node)[0]
        node = view.nodes[node_name(tensor)]
    return tensor
