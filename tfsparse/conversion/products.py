"""Products by a constant in one canonical form, however the graph spells them.

``MatMul``, ``BatchMatMul`` and ``Einsum`` are read as one thing: axes of the activations that are
kept, axes
that are summed over, and axes of the weights that are new. That is a product ``y[rows, out] =
x[rows, in] W`` if each axis of the weights is of the second or third kind. Where the summed axes
are not the last ones of the activations, or the new ones not the last ones of the result, a
transposition before or behind is part of the form.
"""

from __future__ import annotations

import dataclasses
import math

from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView, attribute
from tfsparse.conversion.weights import Weights

MATMULS = {
    "MatMul": ("transpose_a", "transpose_b"),
    "BatchMatMul": ("adj_x", "adj_y"),
    "BatchMatMulV2": ("adj_x", "adj_y"),
    "BatchMatMulV3": ("adj_x", "adj_y"),
}

_OTHERS = {
    "Conv": 1,
    "Conv2DBackpropInput": 1,
    "Conv3D": 1,
    "Conv3DBackpropInputV2": 1,
    "DepthwiseConv2dNative": 1,
    "SparseMatMul": 1,
    "SparseTensorDenseMatMul": 3,
}
"""Products that stay what they are, and which input would be their weights."""

PRODUCTS = {*MATMULS, *_OTHERS, "Einsum"}

REST = "."
"""The label of all axes that an ellipsis stands for."""


@dataclasses.dataclass(frozen=True, eq=False)
class Product:
    """A product by a constant.

    Attributes:
        x: Name of the tensor of activations.
        x_order: How its axes are to be ordered first, those that are summed over last; None
            where they are already.
        x_axes: How many axes at the end are summed over.
        weights: The constant.
        y_axes: Sizes of the axes at the end of the result that are new.
        y_order: How the axes of the result are to be ordered after all; None where they are.
        geometry: How a window moves over images, for a convolution; None for a product.
    """

    x: str
    x_order: tuple[int, ...] | None
    x_axes: int
    weights: Weights
    y_axes: tuple[int, ...]
    y_order: tuple[int, ...] | None
    geometry: Geometry | None = None


@dataclasses.dataclass(frozen=True)
class NoProduct:
    """Why a node is not a product by a constant matrix, and its constant if it has one.

    Attributes:
        reason: Why.
        shape: Shape of the constant, or None.
        weights: Name of the constant's tensor, or None.
    """

    reason: str
    shape: tuple[int, ...] | None = None
    weights: str | None = None


def read_product(view: GraphView, node: NodeDef) -> Product | NoProduct | None:
    """Reads a node as a product by a constant.

    Args:
        view: The graph.
        node: A node whose op is one of `PRODUCTS`.

    Returns:
        The product; or why it is none; or None where the node is a constant itself.
    """
    if view.is_constant(f"{node.name}:0"):
        return None
    tensors = view.data_inputs(node)
    if node.op in _OTHERS:
        weights = tensors[_OTHERS[node.op]]
        if not view.is_constant(weights):
            return NoProduct(f"{node.op} is not converted")
        return NoProduct(f"{node.op} is not converted", shape_of_constant(view, weights), weights)
    if len(tensors) != 2:
        return NoProduct(f"it is an Einsum of {len(tensors)} tensors")
    constant = [view.is_constant(tensor) for tensor in tensors]
    if not any(constant):
        return NoProduct("its weights are not constant")
    place = 1 if constant[1] else 0
    labels = labels_of(view, node, tensors)
    if isinstance(labels, str):
        return NoProduct(labels)
    return _product(view, tensors, labels, place)


def labels_of(view: GraphView, node: NodeDef, tensors: list[str]) -> list[str] | str:
    """Labels of the axes of both factors and the result, or why they cannot be told."""
    ranks = [view.shape(tensor).rank for tensor in tensors]
    if node.op != "Einsum":
        names = MATMULS[node.op]
        left, right = (attribute(node, name, False) for name in names)
        many = node.op != "MatMul"
        lead = [REST if many and (rank is None or rank > 2) else "" for rank in ranks]
        one = lead[0] + ("km" if left else "mk")
        other = lead[1] + ("nk" if right else "kn")
        return [one, other, (REST if REST in lead else "") + "mn"]
    equation = node.attr["equation"].s.decode().replace(" ", "").replace("...", REST)
    if "->" not in equation:
        return "its Einsum has no explicit result"
    factors, result = equation.split("->")
    labels = [*factors.split(","), result]
    if any(len(set(each)) != len(each) for each in labels):
        return "its Einsum takes a diagonal"
    return labels


def _product(
    view: GraphView, tensors: list[str], labels: list[str], place: int
) -> Product | NoProduct:
    w_tensor, x_tensor = tensors[place], tensors[1 - place]
    x, w, y = labels[1 - place], labels[place], labels[2]
    shape = shape_of_constant(view, w_tensor)
    lead = len(shape) - len(w.replace(REST, ""))
    if lead < 0 or (lead > 0 and REST not in w):
        return NoProduct("its weights are not a matrix", shape)
    if math.prod(shape[:lead]) != 1 or lead > _rest(view.shape(x_tensor).rank, x):
        return NoProduct("its weights are a batch of matrices", shape)
    x, y = _without_rest(view.shape(x_tensor).rank, x, y)
    w = w.replace(REST, "")
    reason = _reason(x, w, y)
    if reason is not None:
        return NoProduct(reason, shape)
    summed = [label for label in w if label not in y]
    # In the order of the activations, which are larger, where they have them at their end.
    tail = list(x[len(x) - len(summed) :])
    summed = tail if set(tail) == set(summed) else summed
    kept, new = ([label for label in y if label in labels] for labels in (x, w))
    x_order, y_order = _order(x, [*kept, *summed]), _order("".join([*kept, *new]), list(y))
    if REST in x and (x_order is not None or y_order is not None):
        return NoProduct("its activations have an unknown number of axes", shape)
    order = (*range(lead), *(lead + w.index(label) for label in (*new, *summed)))
    out = tuple(shape[lead + w.index(label)] for label in new)
    depth = math.prod(shape[lead + w.index(label)] for label in summed)
    weights = Weights(view.constants, w_tensor, order, (math.prod(out), depth))
    return Product(x_tensor, x_order, len(summed), weights, out, y_order)


def _rest(rank: int | None, x: str) -> int:
    """For how many axes of the activations an ellipsis stands; 0 where that is not known."""
    return 0 if rank is None or REST not in x else rank - len(x) + 1


def _without_rest(rank: int | None, x: str, y: str) -> tuple[str, str]:
    """The labels with one for each axis that an ellipsis stands for, if their number is known."""
    if REST not in x:
        # The ellipsis is of the weights, and stands for no axis.
        return x, y.replace(REST, "")
    if rank is None:
        return x, y
    rest = "".join(chr(ord("\u0400") + axis) for axis in range(_rest(rank, x)))
    return x.replace(REST, rest), y.replace(REST, rest)


def _reason(x: str, w: str, y: str) -> str | None:
    """Why factors of these labels are no product by a matrix."""
    if any(label in x and label in y for label in w):
        return "its weights are a batch of matrices"
    if any(label not in y and not (label in x and label in w) for label in x + w):
        return "its Einsum sums over an axis of one factor alone"
    if not set(w) - set(y) or not set(w) & set(y):
        return "its weights are not a matrix"
    return None


def _order(there: str, wanted: list[str]) -> tuple[int, ...] | None:
    """The transposition from labels that are there to wanted ones; None where it moves nothing."""
    return None if list(there) == wanted else tuple(there.index(label) for label in wanted)


def shape_of_constant(view: GraphView, tensor: str) -> tuple[int, ...]:
    """The shape of a tensor that has a value."""
    static = view.shape(tensor)
    if static.is_fully_defined():
        return tuple(static.as_list())
    value = view.constant(tensor)
    assert value is not None
    return value.shape
