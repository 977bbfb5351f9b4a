"""Finds the dense layers of a graph: constant-weight product, bias, residual, activation.

What: ``MatMul`` or ``BatchMatMulV2`` by a constant matrix, with either transposition of
it, then optionally ``BiasAdd`` or ``Add`` of a constant vector, then optionally ``Add`` of
another tensor of the result's shape, then optionally one of the `activations`; ``Identity``
nodes in between are passed through. A node becomes part of a layer only where nothing else
reads the result before it. So the other tensor of an ``Add`` cannot depend on the product.
Where both tensors are products, the first one takes the other as its residual.

Reshapes: Keras multiplies activations of rank 3 and more by reshaping to a matrix,
multiplying, and reshaping back before the bias. Where `reshapes` proves that the two undo
each other, the layer takes the activations as they are and the reshapes fall away.
Elsewhere, the bias and the activation are still drawn into the product across the reshape, which
keeps the last axis; the reshape stays. A residual is not, as it has the other shape.

Contract: nothing is changed here. Products that stay are returned with the reason.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfsparse.conversion.activations import ActivationName, find_activation
from tfsparse.conversion.graph_view import GraphView, NodeDef, Reader, node_name
from tfsparse.conversion.layer_name import layer_name
from tfsparse.conversion.reshapes import source_of_reshapes

_TRANSPOSES = {
    "MatMul": ("transpose_a", "transpose_b"),
    "BatchMatMulV2": ("adj_x", "adj_y"),
    "BatchMatMulV3": ("adj_x", "adj_y"),
}
_NOT_CONVERTED = {"Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum", "SparseMatMul"}
_INSIDE = "it is inside a loop or branch"


@dataclasses.dataclass(frozen=True)
class DenseLayer:
    """A dense layer found in a graph.

    Attributes:
        name: The layer's name as the user knows it.
        product: Name of the node that multiplies.
        result: Name of the node whose output is the layer's result.
        reshape: Name of a ``Reshape`` between product and bias that has to stay.
        absorbed: Names of the nodes that the layer stands for, `reshape` left out.
        x: Name of the tensor of activations, shape ``(..., in)``.
        weights: float32 array of shape ``(out, in)``.
        weights_id: Equal for layers that share their weights.
        bias: float32 array of shape ``(out,)``, or None.
        residual: Name of the tensor that is added before the activation, or None.
        activation: What is applied to the sum.
        lead: Static leading dimensions of the result, None where unknown.
    """

    name: str
    product: str
    result: str
    reshape: str | None
    absorbed: tuple[str, ...]
    x: str
    weights: np.ndarray
    weights_id: tuple[str, bool]
    bias: np.ndarray | None
    residual: str | None
    activation: ActivationName
    lead: tuple[int | None, ...]

    @property
    def fused(self) -> tuple[str, ...]:
        """What is done to the product in the same op: as ``("bias", "residual", "gelu")``."""
        parts = {"bias": self.bias is not None, "residual": self.residual is not None}
        names = [name for name, there in parts.items() if there]
        return (*names, *([] if self.activation == "linear" else [self.activation]))

    def rows(self, batch_size: int) -> int:
        """Rows of activations per call; `batch_size` where the first dimension is open."""
        if not self.lead:
            return batch_size
        first = batch_size if self.lead[0] is None else self.lead[0]
        return first * int(np.prod([size or 1 for size in self.lead[1:]], dtype=np.int64))


@dataclasses.dataclass(frozen=True)
class Unmatched:
    """A product that is left as it is, and why."""

    name: str
    node: str
    reason: str


def find_dense_layers(view: GraphView) -> tuple[list[DenseLayer], list[Unmatched]]:
    """Finds the layers that could be replaced, and the products that could not.

    Args:
        view: The graph.

    Returns:
        ``(layers, unmatched)``, each in the order of the graph.
    """
    layers: list[DenseLayer] = []
    unmatched: list[Unmatched] = []
    taken: dict[str, DenseLayer] = {}
    for node in view.graph.graph_def.node:
        if node.op in _TRANSPOSES or node.op in _NOT_CONVERTED:
            found = _match(view, node, taken)
            if isinstance(found, DenseLayer):
                layers.append(found)
                taken |= dict.fromkeys(found.absorbed, found)
            else:
                unmatched.append(found)
    for function in view.graph.graph_def.library.function:
        for node in function.node_def:
            if node.op in _TRANSPOSES:
                unmatched.append(Unmatched(layer_name(node.name, None), node.name, _INSIDE))
    return layers, unmatched


def _match(view: GraphView, node: NodeDef, taken: dict[str, DenseLayer]) -> DenseLayer | Unmatched:
    name = _name(view, node)
    reason = _reason_to_stay(view, node)
    if reason is not None:
        return Unmatched(name, node.name, reason)
    source = view.data_inputs(node)[1]
    constant = view.constant(source)
    transposed = bool(node.attr[_TRANSPOSES[node.op][1]].b)
    matrix = np.asarray(constant) if transposed else np.asarray(constant).T
    if matrix.size == 0 or not np.isfinite(matrix).all():
        reason = "its weights are empty" if matrix.size == 0 else "its weights hold NaN or Inf"
        return Unmatched(name, node.name, reason)
    tail = _Tail(view, node.name, matrix.shape[0], taken)
    tail.take_reshape(matrix.shape[1])
    tail.take_bias()
    tail.take_residual()
    tail.take_activation()
    shape = view.shape(tail.lead_of or f"{tail.result}:0")
    return DenseLayer(
        name=name,
        product=node.name,
        result=tail.result,
        reshape=tail.reshape,
        absorbed=tuple(tail.absorbed),
        x=tail.x,
        weights=np.ascontiguousarray(matrix),
        weights_id=(view.through_identities(source), transposed),
        bias=tail.bias,
        residual=tail.residual,
        activation=tail.activation,
        lead=() if shape.rank is None else tuple(shape.as_list()[:-1]),
    )


def _name(view: GraphView, node: NodeDef) -> str:
    """The layer's name, by the variable of its weights if one is found."""
    variables = view.graph.weight_names
    for tensor in view.data_inputs(node)[1:2]:
        if view.constant(tensor) is None:
            break
        for source in view.ancestors(node_name(tensor)):
            if source.name in variables:
                return layer_name(node.name, variables[source.name])
    return layer_name(node.name, None)


def _reason_to_stay(view: GraphView, node: NodeDef) -> str | None:
    if node.op in _NOT_CONVERTED:
        return f"{node.op} is not converted"
    x, weights = view.data_inputs(node)[:2]
    for tensor in (x, weights, f"{node.name}:0"):
        if view.dtype(tensor) != tf.float32:
            return f"it computes in {view.dtype(tensor).name}, not float32"
    if view.shape(weights).rank not in (None, 2):
        return "its weights are not a matrix"
    constant = view.constant(weights)
    if constant is None:
        left = view.constant(x) is not None
        return "its weights are on the left" if left else "its weights are not constant"
    if constant.ndim != 2:
        return "its weights are not a matrix"
    if node.attr[_TRANSPOSES[node.op][0]].b:
        return "its activations are transposed"
    return None


class _Tail:
    """Grows a match from its product towards the activation."""

    def __init__(
        self, view: GraphView, product: str, units: int, taken: dict[str, DenseLayer]
    ) -> None:
        self.view = view
        self.taken = taken
        self.units = units
        self.result = product
        self.reshape: str | None = None
        self.absorbed = [product]
        self.x = view.data_inputs(view.nodes[product])[0]
        self.bias: np.ndarray | None = None
        self.residual: str | None = None
        self.activation: ActivationName = "linear"
        self.lead_of: str | None = None
        self._undecided: str | None = None

    def _next(self) -> Reader | None:
        """The sole reader of the result so far, with identities passed through."""
        reader = self.view.sole_reader(f"{self._undecided or self.result}:0")
        while reader is not None and reader.node.op == "Identity":
            reader = self.view.sole_reader(f"{reader.node.name}:0")
        return None if reader is None or reader.node.name in self.taken else reader

    def take_reshape(self, depth: int) -> None:
        """Draws in a reshape back, or remembers it as one that may have to stay."""
        reader = self._next()
        if reader is None or reader.node.op != "Reshape" or reader.index != 0:
            return
        source = source_of_reshapes(self.view, self.x, reader.node, (self.units, depth))
        if source is not None:
            self.x, self.lead_of = source, source
            self._extend(reader.node)
        elif self.view.shape(f"{reader.node.name}:0")[-1:] == [self.units]:
            self._undecided = reader.node.name

    def _extend(self, node: NodeDef) -> None:
        """Draws a node into the match, across an undecided reshape if there is one."""
        if self._undecided is not None:
            self.reshape, self._undecided = self._undecided, None
        self.result = node.name
        self.absorbed.append(node.name)

    def take_bias(self) -> None:
        """Draws in the addition of a constant vector along the last axis."""
        reader = self._next()
        if reader is None or reader.node.op not in ("BiasAdd", "Add", "AddV2"):
            return
        if reader.node.op == "BiasAdd" and reader.node.attr["data_format"].s == b"NCHW":
            return
        inputs = self.view.data_inputs(reader.node)
        added = self.view.constant(inputs[1 - reader.index])
        before = self.view.shape(inputs[reader.index]).rank
        if added is None or (added.ndim > 1 and added.ndim > (before or 1)):
            return
        vector = added.size == self.units and added.shape[-1:] == (self.units,)
        if not (added.size == 1 or vector):
            return
        self.bias = np.broadcast_to(added.reshape(-1), (self.units,)).astype(np.float32)
        self._extend(reader.node)

    def take_residual(self) -> None:
        """Draws in the addition of another tensor of the result's shape."""
        reader = self._next()
        if reader is None or reader.node.op not in ("Add", "AddV2"):
            return
        if self.reshape is not None or self._undecided is not None:
            return
        inputs = self.view.data_inputs(reader.node)
        other = inputs[1 - reader.index]
        if self.view.constant(other) is None and self._has_shape_of_result(other):
            self.residual = other
            self._extend(reader.node)

    def _has_shape_of_result(self, tensor: str) -> bool:
        """Whether a tensor added to the result cannot be one that is broadcast, or broadcasts.

        An unknown size is taken to be that of the result where the product depends on the
        tensor, or where it is the first and only one: the batch, which every example has.
        """
        if self.view.shape(tensor)[-1:] != [self.units]:
            return False
        source, other = self._lead_source(self.x), self._lead_source(tensor)
        lead, shape = self.view.shape(source)[:-1], self.view.shape(other)[:-1]
        if lead.rank is None or shape.rank is None or lead.as_list() != shape.as_list():
            return False
        if None not in lead.as_list()[1:]:
            return True
        return any(node.name == node_name(other) for node in self.view.ancestors(node_name(source)))

    def _lead_source(self, tensor: str) -> str:
        """A tensor of the same leading sizes, as far back as the layers found so far go.

        TensorFlow loses sizes in the reshapes that such layers do without.
        """
        while True:
            tensor = self.view.through_identities(tensor)
            layer = self.taken.get(node_name(tensor))
            if layer is None or layer.reshape is not None:
                return tensor
            tensor = layer.x

    def take_activation(self) -> None:
        """Draws in an activation."""
        found = find_activation(self.view, f"{self._undecided or self.result}:0")
        if found is not None and self.taken.keys().isdisjoint(found.nodes):
            self.activation = found.name
            self._extend(found.result)
            self.absorbed += [name for name in found.nodes if name != found.result.name]
