"""A layer that grows from a convolution: pads before it, and what `LayerTail` draws in.

Pads: zeros that a graph puts around the images become the convolution's own, in any number and
in any order with scales and shifts. A shift before the convolution is not drawn in across padding:
the window would see zeros where the graph has the shift.

Sequences: TensorFlow convolves them as images of height 1, between an ``ExpandDims`` and a
``Squeeze``, and bias, BatchNorm, residual and activation come after the ``Squeeze``. The layer
takes and gives sequences, and the two are made anew around its op.

Dilations: see `dilation`.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfsparse.conversion.batch_sizes import same_lead
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.dilation import TO_BATCH, TO_SPACE, read_dilation
from tfsparse.conversion.geometry import NO_PADS, Geometry
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.image_sizes import ImageSize, ImageSizes, after_window
from tfsparse.conversion.pads import read_pads
from tfsparse.conversion.passes.layer_tail import LayerTail
from tfsparse.conversion.passes.unfuse import UNFUSED
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
        """Takes the tensors outside of what moves pixels and undoes it behind the convolution."""
        reader = self._next()
        if reader is not None and reader.node.op == UNFUSED:
            self._extend(reader.node)
        self._take_height()
        self._take_dilation()

    def _take_height(self) -> None:
        """Takes sequences that are made images of height 1 for the convolution."""
        before, reader = self._node_of_x(), self._next()
        if before.op != "ExpandDims" or reader is None or reader.node.op != "Squeeze":
            return
        source, axis = self.view.data_inputs(before)
        value = self.view.constant(axis)
        if value is None or int(value) not in (1, -3) or self.view.shape(source).rank != 3:
            return
        if list(reader.node.attr["squeeze_dims"].list.i) not in ([1], [-3]):
            return
        if self._geometry.kernel_size[0] != 1 or any((self._geometry.pads or NO_PADS)[:2]):
            return
        self.x, self.is_sequence = source, True
        self._extend(reader.node)

    def _take_dilation(self) -> None:
        """Takes images whose pixels are moved into the batch for the convolution."""
        before, reader, own = self._node_of_x(), self._next(), self._geometry
        if before.op != TO_BATCH or reader is None or reader.node.op != TO_SPACE:
            return
        found = read_dilation(self.view, before, reader.node)
        plain = own.strides == own.dilations == (1, 1) and not own.is_padded
        if found is None or not plain or len(found) != (1 if self.is_sequence else 2):
            return
        (height, top, bottom), (width, left, right) = [(1, 0, 0), *found][-2:]
        self.geometry = dataclasses.replace(
            own, dilations=(height, width), pads=(top, bottom, left, right)
        )
        self.x = self.view.data_inputs(before)[0]
        self._extend(reader.node)

    def _node_of_x(self) -> NodeDef:
        return self.view.nodes[node_name(self.view.through_identities(self.x))]

    def _take_one_before(self) -> bool:
        return self._take_pads() or super()._take_one_before()

    def _take_pads(self) -> bool:
        tensor = self.view.through_identities(self.x)
        node = self._node_of_x()
        pads = None if node.name in self.taken else read_pads(self.view, node)
        shape = self.view.shape(tensor)
        if pads is None or shape.rank is None:
            return False
        sizes = (1 if self.is_sequence else shape[-3], shape[-2])
        geometry = self._geometry.padded(pads, sizes)
        if geometry is None:
            return False
        self.geometry = geometry
        self.x = self.view.data_inputs(node)[0]
        self._way.add(node.name)
        return True

    def _sees_shift(self) -> bool:
        return not self._geometry.is_padded

    def _along_inputs(self, vector: np.ndarray) -> np.ndarray | None:
        return np.tile(vector, self._geometry.taps) if self._geometry.groups == 1 else None

    def _has_shape_of_result(self, tensor: str) -> bool:
        """Whether a tensor added to the result cannot be one that is broadcast, or broadcasts."""
        x, shape = self.view.shape(self.x), self.view.shape(tensor)
        if x.rank is None or x.rank != shape.rank:
            return False
        if not same_lead(self.view, self.x, x.rank - 1, tensor, x.rank - 1):
            return False
        return shape[-1:] == list(self.y_axes) and all(
            self._size_of_result(axis) == self._images.of(tensor, axis)
            for axis in range(-x.rank + 1, -1)
        )

    def _size_of_result(self, axis: int) -> ImageSize:
        shift, stride = self._geometry.shift(axis + 3), self._geometry.strides[axis + 3]
        return after_window(self._images.of(self.x, axis), shift, stride)

    @property
    def _geometry(self) -> Geometry:
        assert self.geometry is not None
        return self.geometry
