"""A layer as it was found in a graph, and a product that stays what it is."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfsparse.conversion.activations import ActivationName
from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.graph import Graph
from tfsparse.conversion.weights import Weights
from tfsparse.pattern import BlockPattern

OPEN_SIDE = 14
"""Pixels that a side of an image is expected to have where the graph leaves it open: those of the
middle layers of a network that sees 224."""

OPEN_LENGTH = 128
"""The same for the length of sequences that are convolved."""


@dataclasses.dataclass(frozen=True, eq=False)
class DenseLayer:
    """A product or convolution found in a graph, with all that its op will compute besides.

    Attributes:
        name: The layer's name as the user knows it.
        graph: The graph that it stands in.
        product: Name of the node that multiplies.
        result: Name of the node whose output is the layer's result.
        reshape: Name of a ``Reshape`` between product and bias that has to stay.
        absorbed: Names of the nodes that the layer stands for, `reshape` left out.
        x: Name of the tensor of activations.
        x_order: Order of its axes that the product wants, or None.
        x_axes: How many axes at its end are the inputs.
        weights: The weights of shape ``(out, in)``.
        bias: float32 array of shape ``(out,)``, or None.
        residual: Name of the tensor that is added before the activation, or None.
        activation: What is applied to the sum.
        y_axes: Sizes of the axes at the end of the result that are the outputs.
        y_order: Order of the axes of the result, or None.
        dtype: Type of the result's elements.
        lead: Static leading dimensions of the result, None where unknown.
        problem: Why the layer cannot be converted, or None.
        geometry: How the window of a convolution moves over images; None for a product.
        is_sequence: Whether a convolution takes and gives ``(batch, length, channels)``, which are
            images of height 1 to it.
        is_depthwise: Whether each channel of a convolution has a kernel of its own, and an op.
    """

    name: str
    graph: Graph
    product: str
    result: str
    reshape: str | None
    absorbed: tuple[str, ...]
    x: str
    x_order: tuple[int, ...] | None
    x_axes: int
    weights: Weights
    bias: np.ndarray | None
    residual: str | None
    activation: ActivationName
    y_axes: tuple[int, ...]
    y_order: tuple[int, ...] | None
    dtype: tf.DType
    lead: tuple[int | None, ...]
    problem: str | None
    geometry: Geometry | None = None
    is_sequence: bool = False
    is_depthwise: bool = False

    @property
    def fused(self) -> tuple[str, ...]:
        """What is done to the product in the same op: as ``("bias", "residual", "gelu")``."""
        parts = {"bias": self.bias is not None, "residual": self.residual is not None}
        names = [name for name, there in parts.items() if there]
        return (*names, *([] if self.activation == "linear" else [self.activation]))

    def takes(self, block: BlockPattern) -> bool:
        """Whether a block shape may be used: it must not reach into the next group of filters."""
        groups = 1 if self.geometry is None else self.geometry.groups
        return groups == 1 or self.weights.shape[0] // groups % block.out == 0

    def rows(self, batch_size: int) -> int:
        """Rows of activations per call; `batch_size` where the first dimension is open."""
        if not self.lead:
            return batch_size
        first = batch_size if self.lead[0] is None else self.lead[0]
        sizes = self.lead[1:] if self.geometry is None else self.pixels
        return first * int(np.prod([size or 1 for size in sizes], dtype=np.int64))

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width of a convolution's result, as far as they can be expected."""
        expected = (1, OPEN_LENGTH) if self.is_sequence else (OPEN_SIDE, OPEN_SIDE)
        known = (None, None, *self.lead[1:])[-2:]
        height, width = (size or other for size, other in zip(known, expected, strict=True))
        return height, width


@dataclasses.dataclass(frozen=True)
class Unmatched:
    """A product that is left as it is, why, and the shape of its weights if they have one."""

    name: str
    graph: Graph
    node: str
    reason: str
    shape: tuple[int, ...] | None = None
