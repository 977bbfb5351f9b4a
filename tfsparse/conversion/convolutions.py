"""Convolutions by a constant kernel, read as a product whose inputs are the pixels of a window."""

from __future__ import annotations

from tfsparse.conversion.geometry import NO_PADS, Geometry, Pads
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.op_interface import MAX_FILTER_INPUTS
from tfsparse.conversion.products import NoProduct, Product, shape_of_constant
from tfsparse.conversion.weights import Weights

CONVOLUTION = "Conv2D"
"""The op that is read here. One over a sequence is an image of height 1 to TensorFlow."""

DEPTHWISE = "DepthwiseConv2dNative"
"""The one with a kernel of its own for each channel."""

MOST_DEPTHWISE_WEIGHTS = 1 << 18
"""More bytes would make constants of the graph too large."""


def read_convolution(view: GraphView, node: NodeDef) -> Product | NoProduct | None:
    """Reads a node as a convolution by a constant kernel.

    Args:
        view: The graph.
        node: A node whose op is `CONVOLUTION`.

    Returns:
        The convolution, as a product with a `Geometry`; or why it cannot be read so; or None
        where the node is a constant itself.
    """
    if view.is_constant(f"{node.name}:0"):
        return None
    x, kernel = view.data_inputs(node)
    if not view.is_constant(kernel):
        return NoProduct("its weights are not constant")
    shape = shape_of_constant(view, kernel)
    if channels_come_first(node):
        return NoProduct("its channels come first (channels_first)", shape, kernel)
    x_shape = view.shape(x)
    channels = None if x_shape.rank != 4 else x_shape[-1]
    if channels is None:
        return NoProduct("how many channels its activations have is unknown", shape, kernel)
    height, width, depth, filters = shape
    if height * width * depth > MAX_FILTER_INPUTS:
        return NoProduct(f"its filters have more than {MAX_FILTER_INPUTS} inputs", shape, kernel)
    geometry = geometry_of(node, (height, width), channels // max(1, depth))
    order = (3, 0, 1, 2)
    weights = Weights(view.constants, kernel, order, (filters, height * width * depth))
    return Product(x, None, 1, weights, (filters,), None, geometry)


def read_depthwise(view: GraphView, node: NodeDef) -> Product | None:
    """Reads a node as a depthwise convolution by constant kernels, one for each channel.

    Args:
        view: The graph.
        node: A node whose op is `DEPTHWISE`.

    Returns:
        The convolution, as a product whose groups are the channels; None where our op cannot take
        it: more kernels for a channel, channels first, or too many weights.
    """
    x, kernel = view.data_inputs(node)
    if channels_come_first(node) or not view.is_constant(kernel) or view.is_constant(x):
        return None
    shape = shape_of_constant(view, kernel)
    if len(shape) != 4 or shape[3] != 1 or view.shape(x).rank != 4:
        return None
    height, width, channels, _ = shape
    if not 0 < height * width * channels <= MOST_DEPTHWISE_WEIGHTS:
        return None
    weights = Weights(view.constants, kernel, (2, 3, 0, 1), (channels, height * width))
    geometry = geometry_of(node, (height, width), channels)
    return Product(x, None, 1, weights, (channels,), None, geometry)


def geometry_of(node: NodeDef, kernel_size: tuple[int, int], groups: int) -> Geometry:
    """The window of a node that has TensorFlow's attributes of a convolution or pooling."""
    return Geometry(
        kernel_size=kernel_size,
        strides=along_image(node, "strides"),
        dilations=along_image(node, "dilations"),
        pads=_pads(node),
        groups=groups,
    )


def along_image(node: NodeDef, name: str) -> tuple[int, int]:
    """What an attribute of one number for each axis (NHWC) says of the height and the width."""
    if name not in node.attr:  # To look would be to add it. Pooling has no dilations.
        return 1, 1
    values = list(node.attr[name].list.i) or [1, 1, 1, 1]
    return int(values[1]), int(values[2])


def channels_come_first(node: NodeDef) -> bool:
    """Whether a node's images are NCHW."""
    return "data_format" in node.attr and node.attr["data_format"].s == b"NCHW"


def _pads(node: NodeDef) -> Pads | None:
    padding = node.attr["padding"].s
    if padding == b"SAME":
        return None
    if padding == b"VALID":
        return NO_PADS
    top, bottom, left, right = list(node.attr["explicit_paddings"].list.i)[2:6]
    return int(top), int(bottom), int(left), int(right)
