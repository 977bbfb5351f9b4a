"""Products that a model computes in integers and scales back, as Keras's ``quantize("int8")`` does.

Keras quantizes the activations of a layer in each call: ``s = 127 / (max|x| + eps)``, ``q =
clip(round(x s))``; it multiplies integers, and divides the sums by ``s`` times the scale of the
kernel. That is a product of ``x`` itself by a constant kernel, so our op takes ``x``, in the
precision that was asked for, and what the model rounded is not rounded a second time.

It is only that if rounding is all that the model does to ``x``: what clips more than the greatest
magnitude is a ReLU or the like, and a scale that differs along the summed axis would not fall out.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfsparse.conversion.affine import along
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView, attribute
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
    quantized = _quantized(view, product)
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


def _quantized(view: GraphView, product: Product) -> tuple[str, str] | None:
    """The tensor that was quantized, and that of its scale."""
    node = view.nodes[node_name(product.x)]
    low, high = -np.inf, np.inf
    while node.op in _CLIPS or node.op in ("Cast", "Identity"):
        bounds = _bounds(view, node)
        if bounds is None:
            return None
        low, high = max(low, bounds[0]), min(high, bounds[1])
        node = view.nodes[node_name(view.data_inputs(node)[0])]
    if node.op not in ("Round", "Rint"):
        return None
    node = view.nodes[node_name(view.data_inputs(node)[0])]
    if node.op != "Mul":
        return None
    one, other = view.data_inputs(node)
    for x, scale in ((one, other), (other, one)):
        largest = _largest(view, scale, x, product.x_axes)
        if largest is not None:
            return (x, scale) if low <= -largest and largest <= high else None
    return None


def _bounds(view: GraphView, node: NodeDef) -> tuple[float, float] | None:
    """The values that pass a node unchanged; None where that is not known."""
    if node.op == "Cast":
        dtype = tf.as_dtype(node.attr["DstT"].type)
        if dtype.is_integer and dtype.size >= 1:
            return float(dtype.min), float(dtype.max)
        return (-np.inf, np.inf) if dtype in (tf.float32, tf.float64) else (-256.0, 256.0)
    limits = [view.constant(tensor) for tensor in view.data_inputs(node)[1:]]
    if any(limit is None or limit.size != 1 for limit in limits):
        return None
    low, high = -np.inf, np.inf
    values = [float(np.ravel(limit)[0]) for limit in limits if limit is not None]
    if node.op in ("Maximum", "ClipByValue"):
        low = values[0]
    if node.op in ("Minimum", "ClipByValue"):
        high = values[-1]
    return low, high


def _largest(view: GraphView, scale: str, x: str, x_axes: int) -> float | None:
    """The greatest magnitude of x times the scale, if it is a constant over that of x."""
    node = view.nodes[node_name(scale)]
    constant = view.constant(view.data_inputs(node)[0]) if node.op == "RealDiv" else None
    if constant is None or constant.size != 1 or not _reads_magnitude(view, node, x, x_axes):
        return None
    return abs(float(np.ravel(constant)[0]))


def _reads_magnitude(view: GraphView, node: NodeDef, x: str, x_axes: int) -> bool:
    """Whether a node divides by the greatest magnitude of x along the axes that are summed over."""
    node = view.nodes[node_name(view.data_inputs(node)[1])]
    if node.op in ("Add", "AddV2", "Maximum"):
        inputs = view.data_inputs(node)
        place = 0 if view.is_constant(inputs[1]) else 1
        least = view.constant(inputs[1 - place])
        if least is None or not np.all(least >= 0):
            return False
        node = view.nodes[node_name(inputs[place])]
    if node.op != "Max" or not _spans(view, node, x_axes):
        return False
    node = view.nodes[node_name(view.data_inputs(node)[0])]
    return node.op == "Abs" and view.through_identities(
        view.data_inputs(node)[0]
    ) == view.through_identities(x)


def _spans(view: GraphView, node: NodeDef, x_axes: int) -> bool:
    """Whether a reduction has one result for all elements that are summed over."""
    values, axes = view.data_inputs(node)
    reduced, rank = view.constant(axes), view.shape(values).rank
    if reduced is None or rank is None:
        return False
    places = {int(axis) % rank for axis in reduced.reshape(-1)}
    whole = places == set(range(rank))
    kept = attribute(node, "keep_dims", False)
    return whole or (kept and set(range(rank - x_axes, rank)) <= places)


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
