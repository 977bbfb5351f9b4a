"""A layer that grows from a convolution: pads before it, and what `LayerTail` draws in.

Pads: zeros that a graph puts around the images become the convolution's own, in any number and
in any order with scales and shifts. A shift before the convolution is not drawn in across padding:
the window would see zeros where the graph has the shift.

Sequences: TensorFlow convolves them as images of height 1, between an ``ExpandDims`` and a
``Squeeze``, and bias, BatchNorm and activation come after the ``Squeeze``. They are drawn in across
it. A residual is not, as it has the other shape.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.graph import node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.image_sizes import ImageSizes
from tfsparse.conversion.pads import read_pads
from tfsparse.conversion.passes.layer_tail import LayerTail
from tfsparse.conversion.products import Product


class ConvolutionTail(LayerTail):
    """Grows a match from its convolution towards the activation.

    Args:
        view: The graph.
        node: Name of the node that convolves.
        product: What it computes.
        taken: Nodes that are part of another layer.
        images: Sizes of images in the graph.
    """

    def __init__(
        self,
        view: GraphView,
        node: str,
        product: Product,
        taken: dict[str, DenseLayer],
        images: ImageSizes,
    ) -> None:
        super().__init__(view, node, product, taken)
        self._images = images

    def take_reshapes(self) -> None:
        """Looks behind a ``Squeeze`` that keeps the last axis: sequences were convolved."""
        reader = self._next()
        if reader is None or reader.node.op != "Squeeze":
            return
        if self.view.shape(f"{reader.node.name}:0")[-1:] == list(self.y_axes):
            self._undecided = reader.node.name

    def take_before(self) -> None:
        """Draws in pads, and scales and shifts of the activations that nothing else reads."""
        self._way = {self.node}
        while self._take_pads() or self._take_affine_before():
            pass

    def _take_pads(self) -> bool:
        tensor = self.view.through_identities(self.x)
        node = self.view.nodes[node_name(tensor)]
        pads = None if node.name in self.taken else read_pads(self.view, node)
        if pads is None:
            return False
        shape = self.view.shape(tensor)
        own = self._geometry.fixed_pads((shape[1], shape[2]))
        if own is None:
            return False
        top, bottom, left, right = (a + b for a, b in zip(own, pads, strict=True))
        self.geometry = dataclasses.replace(self._geometry, pads=(top, bottom, left, right))
        self.x = self.view.data_inputs(node)[0]
        self._way.add(node.name)
        return True

    def _may_shift(self, shift: np.ndarray) -> bool:
        return super()._may_shift(shift) and not self._geometry.is_padded

    def _along_inputs(self, vector: np.ndarray) -> np.ndarray | None:
        return np.tile(vector, self._geometry.taps) if self._geometry.groups == 1 else None

    def _has_shape_of_result(self, tensor: str) -> bool:
        """Whether a tensor added to the result cannot be one that is broadcast, or broadcasts."""
        result = f"{self.result}:0"
        own, shape = self.view.shape(result), self.view.shape(tensor)
        if own.rank != 4 or shape.rank != 4 or own[0] != shape[0] or own[3] != shape[3]:
            return False
        return all(
            self._images.of(result, axis) == self._images.of(tensor, axis) for axis in (0, 1)
        )

    @property
    def _geometry(self) -> Geometry:
        assert self.geometry is not None
        return self.geometry
