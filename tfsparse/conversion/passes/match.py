"""Finds the dense layers of a graph: constant-weight product, bias, residual, activation.

What: a product as `products` reads it, then optionally scales and shifts by constants (a bias, a
BatchNorm), then optionally ``Add`` of another tensor of the result's shape, then optionally one of
the `activations`; ``Identity`` nodes in between are passed through. A scale and shift before the
product is drawn in too where nothing else reads it. A node becomes part of a layer only where
nothing else reads the result before it. So the other tensor of an ``Add`` cannot depend on
the product. Where both tensors are products, the first one takes the other as its residual.

Reshapes: Keras multiplies activations of rank 3 and more by reshaping to a matrix,
multiplying, and reshaping back before the bias; and it reshapes heads into features. Where
`shapes` proves that both tensors outside of the reshapes have the same leading sizes, the layer
takes one and gives the other, and the reshapes fall away. Elsewhere the bias and the activation are
still drawn into the product across the reshape, if that keeps the last axis; the reshape
stays. A residual is not, as it has the other shape.

Contract: nothing is changed here. Products that stay are returned with the reason.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsparse.conversion.activations import ActivationName, find_activation
from tfsparse.conversion.affine import Affine, may_precede, read_affine
from tfsparse.conversion.batch_sizes import same_lead
from tfsparse.conversion.control_flow import nodes_in_frames
from tfsparse.conversion.dense_layer import DenseLayer, Unmatched
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView, Reader
from tfsparse.conversion.layer_name import layer_name
from tfsparse.conversion.op_interface import MAX_AXES
from tfsparse.conversion.products import PRODUCTS, NoProduct, Product, read_product
from tfsparse.conversion.quantized_products import read_dequantized
from tfsparse.conversion.shapes import Size, equal, sizes, trailing_axes

FLOATS = (tf.float32, tf.float16, tf.bfloat16)
"""Types that a layer may compute in; our ops compute in float32."""


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
    frames = nodes_in_frames(view.graph)
    for node in list(view.nodes.values()):
        if node.op not in PRODUCTS:
            continue
        found: DenseLayer | Unmatched | None
        if node.name in frames:
            reason = "it is inside a loop or branch of TF1"
            found = Unmatched(_name(view, node), view.graph, node.name, reason)
        else:
            found = _match(view, node, taken, rounded)
        if isinstance(found, DenseLayer):
            layers.append(found)
            taken |= dict.fromkeys(found.absorbed, found)
        elif found is not None:
            unmatched.append(found)
    return layers, unmatched


def _match(
    view: GraphView, node: NodeDef, taken: dict[str, DenseLayer], rounded: bool
) -> DenseLayer | Unmatched | None:
    product = read_product(view, node)
    if product is None:
        return None
    if isinstance(product, NoProduct):
        name = _name(view, node)
        return Unmatched(name, view.graph, node.name, product.reason, product.shape)
    name = _name(view, node, product.weights.tensor)
    tail = _Tail(view, node.name, product, taken)
    dtype = tail.take_dequantization(view.dtype(f"{node.name}:0"))
    if dtype not in FLOATS or 0 in product.weights.shape:
        empty = "its weights are empty"
        reason = empty if dtype in FLOATS else f"it computes in {dtype.name}, not float32"
        return Unmatched(name, view.graph, node.name, reason, product.weights.shape)
    tail.take_reshapes()
    tail.take_affine_before(rounded)
    if product.y_order is None:
        tail.take_affine()
        tail.take_residual()
        tail.take_activation()
    return tail.layer(name, dtype)


def _name(view: GraphView, node: NodeDef, weights: str | None = None) -> str:
    """The layer's name, by the variable of its weights if one is found."""
    names = [] if weights is None else view.constants.variable_names(weights)
    return layer_name(view.state.layer_scope(node.name), view.state.layer_variable(names))


class _Tail:
    """Grows a match from its product towards the activation."""

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

    def take_affine_before(self, rounded: bool) -> None:
        """Draws in scales and shifts of the activations that nothing else reads."""
        if self.product.x_order is not None:
            return
        axes = self._axes_of_x()
        way = self._way_from_x()
        while axes is not None:
            tensor = self.view.through_identities(self.x)
            node = self.view.nodes[node_name(tensor)]
            inputs = self.view.data_inputs(node)
            if node.name in self.taken or not inputs or not self._alone_reads(tensor, way):
                return
            operand = 1 if len(inputs) > 1 and self.view.is_constant(inputs[0]) else 0
            found = read_affine(self.view, node, operand, axes)
            if found is None or not _is_finite(found) or not self._keeps_shape(inputs[operand]):
                return
            if not may_precede(found, self.weights.input_scale, rounded):
                return
            if found.shift is not None:
                added = self.weights.matrix().astype(np.float64) @ found.shift
                self.bias = added if self.bias is None else self.bias + added
            if found.scale is not None:
                self.weights = self.weights.scaled(inputs=found.scale.astype(np.float32))
            self.x = inputs[operand]
            way.add(node.name)

    def _way_from_x(self) -> set[str]:
        """The nodes from the activations to the product: reshapes that the layer does without."""
        way, tensor = {self.node}, self._read
        while tensor != self.x:
            node = self.view.nodes[node_name(tensor)]
            way.add(node.name)
            tensor = self.view.data_inputs(node)[0]
        return way

    def _alone_reads(self, tensor: str, way: set[str]) -> bool:
        """Whether nothing else reads a tensor; who looks at its shape looks at that before too."""
        readers = self.view.readers(tensor)
        return not self.view.is_output(tensor) and all(
            reader.index >= 0 and (reader.node.op == "Shape" or reader.node.name in way)
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
