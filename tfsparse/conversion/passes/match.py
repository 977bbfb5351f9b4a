"""Finds the layers of a graph: constant-weight product, bias, residual, activation.

What: a product as `products` reads it, or a convolution as `convolutions` does, then optionally
scales and shifts by constants (a bias, a BatchNorm), then optionally ``Add`` of another tensor of
the result's shape, then optionally one of the `activations`; ``Identity`` nodes in between are
passed through. A scale and shift before the product is drawn in too where nothing else reads it. A
node becomes part of a layer only where nothing else reads the result before it. So the other tensor
of an ``Add`` cannot depend on the product. Where both tensors are products, the first one takes the
other as its residual.

Reshapes: Keras multiplies activations of rank 3 and more by reshaping to a matrix,
multiplying, and reshaping back before the bias; and it reshapes heads into features. Where
`shapes` proves that both tensors outside of the reshapes have the same leading sizes, the layer
takes one and gives the other, and the reshapes fall away. Elsewhere the bias and the activation are
still drawn into the product across the reshape, if that keeps the last axis; the reshape
stays. A residual is not, as it has the other shape.

Convolutions: see `convolution_tail`.

Contract: nothing is changed here. Products that stay are returned with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from tfsparse.conversion.control_flow import nodes_in_frames
from tfsparse.conversion.convolutions import (
    CONVOLUTION,
    DEPTHWISE,
    read_convolution,
    read_depthwise,
)
from tfsparse.conversion.dense_layer import DenseLayer, Unmatched
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.image_sizes import ImageSizes
from tfsparse.conversion.layer_name import layer_name
from tfsparse.conversion.passes.convolution_tail import ConvolutionTail
from tfsparse.conversion.passes.layer_tail import FLOATS, LayerTail
from tfsparse.conversion.products import PRODUCTS, NoProduct, read_product


def find_dense_layers(
    view: GraphView, rounded: bool = False
) -> tuple[list[DenseLayer], list[Unmatched]]:
    """Finds the layers that could be replaced, and the products that could not.

    Args:
        view: The graph.
        rounded: Whether activations may be rounded to eight bits before they are multiplied.

    Returns:
        ``(layers, unmatched)``, each in the order of the graph.
    """
    layers: list[DenseLayer] = []
    unmatched: list[Unmatched] = []
    taken: dict[str, DenseLayer] = {}
    images = ImageSizes(view, taken)
    frames = nodes_in_frames(view.graph)
    for node in list(view.nodes.values()):
        if node.op not in PRODUCTS and node.op != CONVOLUTION:
            continue
        found: DenseLayer | Unmatched | None
        if node.name in frames:
            reason = "it is inside a loop or branch of TF1"
            found = Unmatched(_name(view, node), view.graph, node.name, reason)
        else:
            found = _match(view, node, taken, images, rounded)
        if isinstance(found, DenseLayer):
            layers.append(found)
            taken |= dict.fromkeys(found.absorbed, found)
        elif found is not None:
            unmatched.append(found)
    return layers, unmatched


def find_depthwise(view: GraphView, layers: Sequence[DenseLayer]) -> list[DenseLayer]:
    """Finds the depthwise convolutions that INT8 has an op for.

    Args:
        view: The graph.
        layers: The other layers of the graph, which keep what they have drawn in.

    Returns:
        Layers without a residual, in the order of the graph.
    """
    found: list[DenseLayer] = []
    taken = {name: layer for layer in layers for name in layer.absorbed}
    images = ImageSizes(view, taken)
    frames = nodes_in_frames(view.graph)
    for node in list(view.nodes.values()):
        if node.op != DEPTHWISE or node.name in frames:
            continue
        product = read_depthwise(view, node)
        if product is None or view.dtype(f"{node.name}:0") != tf.float32:
            continue
        tail = ConvolutionTail(view, node.name, product, taken, images)
        tail.take_reshapes()
        tail.take_before(rounded=True)
        tail.take_affine()
        tail.take_activation()
        layer = tail.layer(_name(view, node, product.weights.tensor), tf.float32)
        found.append(dataclasses.replace(layer, is_depthwise=True))
        taken |= dict.fromkeys(layer.absorbed, layer)
    return found


def _match(
    view: GraphView,
    node: NodeDef,
    taken: dict[str, DenseLayer],
    images: ImageSizes,
    rounded: bool,
) -> DenseLayer | Unmatched | None:
    read = read_convolution if node.op == CONVOLUTION else read_product
    product = read(view, node)
    if product is None:
        return None
    if isinstance(product, NoProduct):
        name = _name(view, node, product.weights)
        return Unmatched(name, view.graph, node.name, product.reason, product.shape)
    name = _name(view, node, product.weights.tensor)
    tail = LayerTail(view, node.name, product, taken)
    if product.geometry is not None:
        tail = ConvolutionTail(view, node.name, product, taken, images)
    dtype = tail.take_dequantization(view.dtype(f"{node.name}:0"))
    if dtype not in FLOATS or 0 in product.weights.shape:
        empty = "its weights are empty"
        reason = empty if dtype in FLOATS else f"it computes in {dtype.name}, not float32"
        return Unmatched(name, view.graph, node.name, reason, product.weights.shape)
    tail.take_reshapes()
    tail.take_before(rounded)
    if product.y_order is None:
        tail.take_affine()
        tail.take_residual()
        tail.take_activation()
    return tail.layer(name, dtype)


def _name(view: GraphView, node: NodeDef, weights: str | None = None) -> str:
    """The layer's name, by the variable of its weights if one is found."""
    names = [] if weights is None else view.constants.variable_names(weights)
    return layer_name(view.state.layer_scope(node.name), view.state.layer_variable(names))
