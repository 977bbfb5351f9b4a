"""Heights and widths of images that are open, as expressions in those of an image before.

Why: a residual may be drawn into a convolution only where it has the result's shape, and a network
for images of any size says no numbers. But both ways through a block come from one tensor, and a
window of whatever size, stride and padding makes ``floor((size + a) / stride) + 1`` of a size. Two
sizes are equal if their expressions are: a 3x3 window with stride 2 and a zero on each side gives
what a 1x1 window with stride 2 gives.

Axes are counted from the end, so that the width of images ``(..., height, width, channels)`` and
the length of sequences ``(..., length, channels)`` are both axis -2.
"""

from __future__ import annotations

from collections.abc import Mapping

from tfsparse.conversion.convolutions import along_image, channels_come_first, geometry_of
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.pads import PADS

ImageSize = int | tuple["ImageSize", int, int] | tuple[str, int]
"""A number, or ``(size, a, stride)`` for ``floor((size + a) / stride) + 1``, or a tensor's axis."""

_WINDOWS = {"Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool"}

_KEEP = {
    *("BiasAdd", "Cast", "Elu", "Erf", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"),
    *("Identity", "IdentityN", "LeakyRelu", "Neg", "Relu", "Relu6", "Rsqrt", "Selu", "Sigmoid"),
    *("Snapshot", "Softplus", "Sqrt", "Square", "Tanh"),
}
"""Ops whose result has the shape of their first input."""

_JOIN = {"Add", "AddV2", "Maximum", "Minimum", "Mul", "RealDiv", "Sub"}
"""Ops of two inputs that are broadcast to each other."""


class ImageSizes:
    """The heights and widths of the images in a graph, each found once.

    Args:
        view: The graph.
        layers: Nodes that are part of a layer; more may be put in later.
    """

    def __init__(self, view: GraphView, layers: Mapping[str, DenseLayer]) -> None:
        self._view = view
        self._layers = layers
        self._known: dict[tuple[str, int], ImageSize] = {}

    def of(self, tensor: str, axis: int) -> ImageSize:
        """The size of an axis.

        Args:
            tensor: Name of a tensor of images or sequences, channels last.
            axis: -3 for the height, -2 for the width or length.

        Returns:
            The size, so that what is equal here is equal for every image.
        """
        windows: list[tuple[int, int]] = []
        size: ImageSize | None = None
        start = tensor
        while size is None:
            shape = self._view.shape(tensor)
            static = None if (shape.rank or 0) < -axis else shape[axis]
            if (tensor, axis) in self._known:
                size = self._known[tensor, axis]
            elif static is not None:
                size = int(static)
            else:
                step = self._step(self._view.nodes[node_name(tensor)], axis)
                if step is None:
                    size = (tensor, axis)
                else:
                    tensor, window = step
                    windows += [] if window is None else [window]
        for shift, stride in reversed(windows):
            size = after_window(size, shift, stride)
        self._known[start, axis] = size
        return size

    def _step(self, node: NodeDef, axis: int) -> tuple[str, tuple[int, int] | None] | None:
        """The tensor whose size decides that of a result, and ``(a, stride)`` if it changes."""
        inputs = self._view.data_inputs(node)
        layer = self._layers.get(node.name)
        if layer is not None and layer.geometry is not None:
            return layer.x, _along(layer.geometry, axis)
        if node.op in _KEEP:
            return inputs[0], None
        if node.op in _JOIN:
            decisive = self._decisive(inputs, axis)
            return None if decisive is None else (decisive, None)
        if node.op in PADS:
            counts = self._view.constant(inputs[1])
            return None if counts is None else (inputs[0], (int(counts[axis].sum()) - 1, 1))
        window = _window(self._view, node)
        return None if window is None else (inputs[0], _along(window, axis))

    def _decisive(self, inputs: list[str], axis: int) -> str | None:
        """Of two tensors that are broadcast to each other, the one that the other cannot widen."""
        for tensor, other in (inputs, inputs[::-1]):
            shape = self._view.shape(other)
            if shape.rank is not None and (shape.rank < -axis or shape[axis] == 1):
                return tensor
        one, other = inputs
        ranks = [self._view.shape(tensor).rank for tensor in inputs]
        known = None not in ranks and min(rank or 0 for rank in ranks) >= -axis
        return one if known and self.of(one, axis) == self.of(other, axis) else None


def _along(geometry: Geometry, axis: int) -> tuple[int, int]:
    return geometry.shift(axis + 3), geometry.strides[axis + 3]


def _window(view: GraphView, node: NodeDef) -> Geometry | None:
    if node.op not in _WINDOWS or channels_come_first(node):
        return None
    if "Pool" in node.op:
        return geometry_of(node, along_image(node, "ksize"), 1)
    shape = view.shape(view.data_inputs(node)[1])
    if not shape.is_fully_defined():
        return None
    return geometry_of(node, (int(shape[0]), int(shape[1])), 1)


def after_window(size: ImageSize, shift: int, stride: int) -> ImageSize:
    """``floor((size + shift) / stride) + 1``, as simple as it can be."""
    if isinstance(size, int):
        return (size + shift) // stride + 1
    if len(size) == 3 and size[2] == 1:
        inner, inner_shift, _ = size
        return after_window(inner, inner_shift + 1 + shift, stride)
    return size if (shift, stride) == (-1, 1) else (size, shift, stride)
