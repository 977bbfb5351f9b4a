"""A layer that grows from its product: what stands around it is drawn in, step by step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsparse.conversion.activations import ActivationName, find_activation
from tfsparse.conversion.affine import Affine, may_precede, read_affine
from tfsparse.conversion.batch_sizes import same_lead
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView, Reader
from tfsparse.conversion.op_interface import MAX_AXES
from tfsparse.conversion.products import Product
from tfsparse.conversion.quantized_products import read_dequantized
from tfsparse.conversion.shapes import Size, equal, sizes, trailing_axes

FLOATS = (tf.float32, tf.float16, tf.bfloat16)
"""Types that a layer may compute in; our ops compute in float32."""


class LayerTail:
    """Grows a match from its product towards the activation.

    Args:
        view: The graph.
        node: Name of the node that multiplies.
        product: What it computes.
        taken: Nodes that are part of another layer.
    """

    def __init__(
        self, view: GraphView, node: str, product: Product, taken: dict[str, DenseLayer]
    ) -> None:
        self.view = view
        self.taken = taken
        self.node = node
        self.product = product
        self.weights = product.weights
        self.x = self._read = product.x
        self.x_axes = product.x_axes
        self.y_axes = product.y_axes
        self.result = node
        self.reshape: str | None = None
        self.absorbed = [node]
        self.bias: np.ndarray | None = None
        self.residual: str | None = None
        self.activation: ActivationName = "linear"
        self.problem: str | None = None
        self.geometry = product.geometry
        self.is_sequence = False
        self._rounded = False
        self._way: set[str] = set()
        self._lead: list[Size] | None = None
        self._undecided: str | None = None

    def layer(self, name: str, dtype: tf.DType) -> DenseLayer:
        """The layer as it was found."""
        if max(self.x_axes, len(self.y_axes)) > MAX_AXES:
            self.problem = f"its inputs or outputs are spread over more than {MAX_AXES} axes"
        return DenseLayer(
            name=name,
            graph=self.view.graph,
            product=self.node,
            result=self.result,
            reshape=self.reshape,
            absorbed=tuple(self.absorbed),
            x=self.x,
            x_order=self.product.x_order,
            x_axes=self.x_axes,
            weights=self.weights,
            bias=None if self.bias is None else self.bias.astype(np.float32),
            residual=self.residual,
            activation=self.activation,
            y_axes=self.y_axes,
            y_order=self.product.y_order,
            dtype=dtype,
            lead=self._static_lead(),
            problem=self.problem,
            geometry=self.geometry,
            is_sequence=self.is_sequence,
        )

    def _static_lead(self) -> tuple[int | None, ...]:
        lead = self._lead
        if lead is None:
            shape = self.view.shape(f"{self.reshape or self.result}:0")
            if shape.rank is None:
                return ()
            axes = 1 if self.reshape is not None else len(self.y_axes)
            lead = list(shape.as_list()[: shape.rank - axes])
        return tuple(size if isinstance(size, int) else None for size in lead)

    def _next(self) -> Reader | None:
        """The sole reader of the result so far, with identities passed through."""
        reader = self.view.sole_reader(f"{self._undecided or self.result}:0")
        while reader is not None and reader.node.op == "Identity":
            reader = self.view.sole_reader(f"{reader.node.name}:0")
        return None if reader is None or reader.node.name in self.taken else reader

    def take_dequantization(self, dtype: tf.DType) -> tf.DType:
        """Draws in what scales a product of integers back; gives the type of the result."""
        if dtype in FLOATS:
            return dtype
        found = read_dequantized(self.view, self.view.nodes[self.node], self.product)
        if found is None:
            return dtype
        self.x = self._read = found.x
        self.weights = self.weights.scaled(outputs=found.output_scale.astype(np.float32))
        for node in found.nodes:
            self._extend(node)
        return self.view.dtype(f"{self.result}:0")

    def take_reshapes(self) -> None:
        """Takes the tensors outside of reshapes around the product, where that is proved."""
        if self.product.x_order is not None or self.product.y_order is not None:
            return
        reader = self._next()
        behind = reader.node if reader is not None and _reshapes(reader) else None
        before = self._before()
        units, depth = self.weights.shape
        for source in [self.x] if before is None else [before, self.x]:
            for after in [None] if behind is None else [behind, None]:
                if (source, after) == (self.x, None):
                    continue
                found = self._outside(source, after, units, depth)
                if found is not None:
                    self.x, (self.x_axes, self.y_axes, self._lead) = source, found
                    if after is not None:
                        self._extend(after)
                    return
        if behind is not None and self.view.shape(f"{behind.name}:0")[-1:] == [units]:
            self._undecided = behind.name
            self.y_axes = (units,)

    def _before(self) -> str | None:
        """What was reshaped into the activations; a transposition that moves nothing is skipped."""
        node = self.view.nodes[node_name(self.view.through_identities(self.x))]
        if node.op != "Reshape":
            return None
        source = self.view.data_inputs(node)[0]
        node = self.view.nodes[node_name(source)]
        if node.op == "Transpose":
            source, order = self.view.data_inputs(node)
            moved = self.view.constant(order)
            if moved is None or moved.tolist() != list(range(moved.size)):
                return None
        return source

    def _outside(
        self, source: str, after: NodeDef | None, units: int, depth: int
    ) -> tuple[int, tuple[int, ...], list[Size]] | None:
        """How many axes the inputs have in `source`, those of the outputs, and the axes before."""
        x = sizes(self.view, source)
        if x is None or len(x) < 2:
            return None
        x_axes = self._input_axes(x, source, depth)
        if after is not None:
            y = sizes(self.view, f"{after.name}:0")
        else:
            inner = sizes(self.view, self.x)
            y = None if inner is None else [*inner[: -self.product.x_axes], *self.product.y_axes]
        if y is None or x_axes is None:
            return None
        y_axes = trailing_axes(y, units)
        if y_axes is None or not equal(x[:-x_axes], y[:-y_axes]) or len(x) == x_axes:
            return None
        return (
            x_axes,
            tuple(int(size) for size in y[-y_axes:] if isinstance(size, int)),
            x[:-x_axes],
        )

    def _input_axes(self, x: list[Size], source: str, depth: int) -> int | None:
        """An unknown last axis is the inputs: with another size the original would fail."""
        found = trailing_axes(x, depth)
        if found is None and not isinstance(x[-1], int) and source != self.x:
            return 1
        return found

    def _extend(self, node: NodeDef) -> None:
        """Draws a node into the match, across an undecided reshape if there is one."""
        if self._undecided is not None:
            self.reshape, self._undecided = self._undecided, None
        self.result = node.name
        self.absorbed.append(node.name)

    def take_affine(self) -> None:
        """Draws in scales and shifts by constants along the outputs."""
        while (reader := self._next()) is not None and reader.index >= 0:
            found = read_affine(self.view, reader.node, reader.index, self.y_axes)
            if found is None:
                return
            if not _is_finite(found):
                shift = found.scale is None
                self.problem = f"its {'bias' if shift else 'scale'} holds NaN or Inf"
                return
            if found.scale is not None:
                self.weights = self.weights.scaled(outputs=found.scale.astype(np.float32))
                self.bias = None if self.bias is None else self.bias * found.scale
            if found.shift is not None:
                self.bias = found.shift if self.bias is None else self.bias + found.shift
            self._extend(reader.node)

    def take_before(self, rounded: bool) -> None:
        """Draws in scales and shifts of the activations that nothing else reads."""
        self._rounded, self._way = rounded, self._way_from_x()
        while self._take_one_before():
            pass

    def _take_one_before(self) -> bool:
        """Draws in one of them; False if there is none."""
        return self.product.x_order is None and self._take_affine_before()

    def _take_affine_before(self) -> bool:
        axes = self._axes_of_x()
        tensor = self.view.through_identities(self.x)
        node = self.view.nodes[node_name(tensor)]
        inputs = self.view.data_inputs(node)
        if axes is None or not inputs or node.name in self.taken or not self._alone_reads(tensor):
            return False
        operand = 1 if len(inputs) > 1 and self.view.is_constant(inputs[0]) else 0
        found = read_affine(self.view, node, operand, axes)
        if found is None or not _is_finite(found) or not self._keeps_shape(inputs[operand]):
            return False
        if not self._fold_before(found):
            return False
        self.x = inputs[operand]
        self._way.add(node.name)
        return True

    def _fold_before(self, affine: Affine) -> bool:
        """Folds a scale and shift of the activations into weights and bias, where that is exact."""
        scale, shift = (
            None if vector is None else self._along_inputs(vector)
            for vector in (affine.scale, affine.shift)
        )
        if (scale is None) != (affine.scale is None) or (shift is None) != (affine.shift is None):
            return False
        if shift is not None and not self._sees_shift():
            return False
        if not may_precede(Affine(scale, shift), self.weights.input_scale, self._rounded):
            return False
        if shift is not None:
            added = self.weights.matrix().astype(np.float64) @ shift
            self.bias = added if self.bias is None else self.bias + added
        if scale is not None:
            self.weights = self.weights.scaled(inputs=scale.astype(np.float32))
        return True

    def _along_inputs(self, vector: np.ndarray) -> np.ndarray | None:
        """A vector along the axes of the activations as one along the inputs of the weights."""
        return vector

    def _sees_shift(self) -> bool:
        """Whether every input of every row of weights sees a shift of the activations."""
        return True

    def _way_from_x(self) -> set[str]:
        """The nodes from the activations to the product: reshapes that the layer does without."""
        way, tensor = {self.node}, self._read
        while tensor != self.x:
            node = self.view.nodes[node_name(tensor)]
            way.add(node.name)
            tensor = self.view.data_inputs(node)[0]
        return way

    def _alone_reads(self, tensor: str) -> bool:
        """Whether nothing else reads a tensor; who looks at its shape looks at that before too."""
        readers = self.view.readers(tensor)
        return not self.view.is_output(tensor) and all(
            reader.index >= 0 and (reader.node.op == "Shape" or reader.node.name in self._way)
            for reader in readers
        )

    def _axes_of_x(self) -> tuple[int, ...] | None:
        shape = self.view.shape(self.x)
        if shape.rank is None or not shape[-self.x_axes :].is_fully_defined():
            return None
        return tuple(shape.as_list()[-self.x_axes :])

    def _keeps_shape(self, tensor: str) -> bool:
        shape = self.view.shape(tensor)
        return shape.rank is not None and shape.as_list() == self.view.shape(self.x).as_list()

    def take_residual(self) -> None:
        """Draws in the addition of another tensor of the result's shape."""
        reader = self._next()
        if reader is None or reader.node.op not in ("Add", "AddV2"):
            return
        if self.reshape is not None or self._undecided is not None:
            return
        inputs = self.view.data_inputs(reader.node)
        other = inputs[1 - reader.index]
        if not self.view.is_constant(other) and self._has_shape_of_result(other):
            self.residual = other
            self._extend(reader.node)

    def _has_shape_of_result(self, tensor: str) -> bool:
        """Whether a tensor added to the result cannot be one that is broadcast, or broadcasts."""
        axes = len(self.y_axes)
        if self.view.shape(tensor)[-axes:] != list(self.y_axes):
            return False
        source, other = self._lead_source(self.x, self.x_axes), self._lead_source(tensor, axes)
        return same_lead(self.view, *source, *other)

    def _lead_source(self, tensor: str, axes: int) -> tuple[str, int]:
        """A tensor of the same leading sizes, as far back as the layers found so far go.

        TensorFlow loses sizes in the reshapes that such layers do without.
        """
        while True:
            tensor = self.view.through_identities(tensor)
            layer = self.taken.get(node_name(tensor))
            if layer is None or layer.reshape is not None or layer.x_order or layer.y_order:
                return tensor, axes
            tensor, axes = layer.x, layer.x_axes

    def take_activation(self) -> None:
        """Draws in an activation."""
        found = find_activation(self.view, f"{self._undecided or self.result}:0")
        if found is not None and self.taken.keys().isdisjoint(found.nodes):
            self.activation = found.name
            self._extend(found.result)
            self.absorbed += [name for name in found.nodes if name != found.result.name]


def _reshapes(reader: Reader) -> bool:
    return reader.node.op == "Reshape" and reader.index == 0


def _is_finite(affine: Affine) -> bool:
    values = [value for value in (affine.scale, affine.shift) if value is not None]
    return all(np.isfinite(value.astype(np.float32)).all() for value in values)
