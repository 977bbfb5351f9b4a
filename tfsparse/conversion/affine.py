"""Scales and shifts by constants, such as BatchNorm, that a product can take into itself.

Behind a product, ``(x W + b) s + t`` is ``x (W s) + (b s + t)``; before it, ``(x s + t) W + b`` is
``x (s W) + (t W + b)``. A graph spells BatchNorm as one op, or as a multiplication and an
addition of what it has computed from four variables, and with or without scale and
offset. All of it is a chain of ops that scale or shift by a constant along the last axes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView, attribute

ADDITIONS = {"BiasAdd", "Add", "AddV2"}
_NORMS = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}
_SIMPLE = {*ADDITIONS, "Mul", "Sub", "RealDiv"}

_MAX_SHIFT = {False: 16.0, True: 4.0}
"""A larger shift before a product costs accuracy, since what it adds cancels again; less may be
lost where activations are rounded to eight bits."""

_MAX_SPREAD = 4.0
"""How far the scales before a product may differ where activations are rounded: inputs that are
small until they are scaled lose their last bits beside the others."""


@dataclasses.dataclass(frozen=True)
class Affine:
    """``scale * value + shift``, each float64 of the size of the last axes, flat.

    Attributes:
        scale: The factor; None for 1.
        shift: The summand; None for 0.
    """

    scale: np.ndarray | None
    shift: np.ndarray | None


def read_affine(view: GraphView, node: NodeDef, operand: int, axes: Sequence[int]) -> Affine | None:
    """Reads a node as a scale and shift of one of its inputs by constants.

    Args:
        view: The graph.
        node: The node.
        operand: Which of its inputs is scaled and shifted.
        axes: Sizes of the axes at the end that the constants may vary along.

    Returns:
        What it does, or None if it is something else.
    """
    if node.op in _NORMS:
        return _norm(view, node, operand, axes)
    if node.op not in _SIMPLE or len(view.data_inputs(node)) != 2:
        return None
    if node.op == "BiasAdd" and (operand != 0 or node.attr["data_format"].s == b"NCHW"):
        return None
    constant = view.constant(view.data_inputs(node)[1 - operand])
    rank = view.shape(view.data_inputs(node)[operand]).rank
    vector = None if constant is None else along(constant, axes, rank)
    if vector is None:
        return None
    if node.op in ADDITIONS:
        return Affine(None, vector)
    if node.op == "Mul":
        return Affine(vector, None)
    if node.op == "Sub":
        one = np.ones_like(vector)
        return Affine(None, -vector) if operand == 0 else Affine(-one, vector)
    if operand == 0 and np.all(vector != 0):
        return Affine(1 / vector, None)
    return None


def may_precede(affine: Affine, behind: np.ndarray | None, rounded: bool) -> bool:
    """Whether a product can take in what comes before it without a loss of accuracy.

    What was scaled and shifted is taken to be of the order of 1, as what BatchNorm gives. What it
    was before may be much larger, or hold inputs of different magnitudes.

    Args:
        affine: The scale and shift.
        behind: The scale of the activations between it and the product; None for 1.
        rounded: Whether activations may be rounded to eight bits before they are multiplied.

    Returns:
        Whether the product's activations may be those before the scale and shift.
    """
    factor = np.asarray(1.0 if behind is None else behind, np.float64)
    if affine.shift is not None:
        shift = np.abs(affine.shift * factor).max(initial=0)
        if not shift <= _MAX_SHIFT[rounded]:
            return False
    if affine.scale is None or not rounded:
        return True
    scale = np.abs(affine.scale * factor)
    scale = scale[scale > 0]
    return not scale.size or bool(np.sqrt(np.mean(scale**2)) <= _MAX_SPREAD * scale.min())


def along(constant: np.ndarray, axes: Sequence[int], rank: int | None) -> np.ndarray | None:
    """A constant that is broadcast to a tensor, as a vector along the tensor's last axes.

    Args:
        constant: The constant.
        axes: Sizes of the tensor's last axes.
        rank: How many axes the tensor has; None if that is not known.

    Returns:
        float64 of as many elements as the axes have; None if the constant varies along other
        axes, or adds some.
    """
    if constant.dtype.kind not in "fV" and constant.dtype.name != "bfloat16":
        return None
    if constant.ndim > (rank if rank is not None else max(1, len(axes))):
        return None
    lead, tail = constant.shape[: -len(axes)], constant.shape[-len(axes) :]
    if math.prod(lead) != 1:
        return None
    try:
        vector = np.broadcast_to(constant.astype(np.float64).reshape(tail), tuple(axes))
    except ValueError:
        return None
    return vector.reshape(-1)


def _norm(view: GraphView, node: NodeDef, operand: int, axes: Sequence[int]) -> Affine | None:
    if operand != 0 or attribute(node, "is_training", True) or len(axes) != 1:
        return None
    if node.attr["data_format"].s == b"NCHW" or _gives_more(view, node):
        return None
    values = [view.constant(tensor) for tensor in view.data_inputs(node)[1:]]
    if any(value is None or value.shape != (axes[0],) for value in values):
        return None
    gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in values)
    scale = gamma / np.sqrt(variance + node.attr["epsilon"].f)
    return Affine(scale, beta - mean * scale)


def _gives_more(view: GraphView, node: NodeDef) -> bool:
    """Whether a norm's results besides the first are used: the statistics that it was given."""
    others = [f"{node.name}:{place}" for place in range(1, 6)]
    return any(
        view.is_output(other) or any(reader.index >= 0 for reader in view.readers(other))
        for other in others
    )
