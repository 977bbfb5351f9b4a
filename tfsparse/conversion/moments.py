"""Reads what is computed from a tensor x and its moments along the last axis as a polynomial.

The symbols are x, its mean m, the mean of its squares q, and r, which is one over the root of the
spread: of ``q - m^2 + epsilon``, the variance, or of ``q + epsilon``. A polynomial maps the powers
of the four to a coefficient, which is a vector along the last axis, in float64. A mean over the
last axis turns x into m and x^2 into q, and leaves the other symbols alone, since they are the same
along that axis. So it does not matter in which order a graph multiplies, adds and takes means.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfsparse.conversion.affine import ADDITIONS, along
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView, attribute
from tfsparse.conversion.shapes import equal, sizes

Powers = tuple[int, int, int, int]
"""The powers of x, m, q and r."""

Polynomial = dict[Powers, np.ndarray]
"""Powers to their coefficient, float64 of the size of the last axis; no coefficient is all 0."""

X: Powers = (1, 0, 0, 0)
MEAN: Powers = (0, 1, 0, 0)
SQUARES: Powers = (0, 0, 1, 0)
ROOT: Powers = (0, 0, 0, 1)

BATCH_NORMS = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}

_MOST_TERMS = 8
_PASS = {"Identity", "StopGradient", "Cast", "Snapshot"}


def monomial(*symbols: Powers) -> Powers:
    """The powers of a product of symbols."""
    x, mean, squares, root = (sum(powers) for powers in zip((0, 0, 0, 0), *symbols, strict=True))
    return x, mean, squares, root


def is_uniform(vector: np.ndarray) -> bool:
    """Whether all elements are the same."""
    return bool(np.all(vector == vector[:1]))


@dataclasses.dataclass(frozen=True)
class Spread:
    """What the root is taken of.

    Attributes:
        centered: Whether it is the variance, and not the mean of the squares.
        epsilon: What is added.
    """

    centered: bool
    epsilon: float


class MomentReader:
    """Reads tensors as polynomials in one tensor and its moments.

    Args:
        view: The graph.
        base: Name of the tensor x, whose last axis has a known size.

    Attributes:
        base: The tensor x.
        spread: What the roots are taken of; None where no root was read yet.
        constants: Names of the constants that were read as vectors.
        polynomials: Name of a tensor to its polynomial, or None where it has none.
    """

    def __init__(self, view: GraphView, base: str) -> None:
        self.base = base
        self.spread: Spread | None = None
        self.constants: list[str] = []
        self.polynomials: dict[str, Polynomial | None] = {}
        self._view = view
        self._shape = view.shape(base)
        self._channels = int(self._shape[-1])

    def read(self, tensor: str) -> Polynomial | None:
        """The polynomial of a tensor; None if it has none."""
        if tensor == self.base:
            return {X: np.ones(self._channels)}
        if self._view.is_constant(tensor):
            return self._constant(tensor)
        if tensor not in self.polynomials:
            self.polynomials[tensor] = None
            self.polynomials[tensor] = self._computed(self._view.nodes[node_name(tensor)])
        return self.polynomials[tensor]

    def _constant(self, tensor: str) -> Polynomial | None:
        value = self._view.constant(tensor)
        assert value is not None
        vector = along(value, (self._channels,), self._shape.rank)
        if vector is None:
            return None
        if value.size > 1:
            self.constants.append(tensor)
        return _clean({monomial(): vector})

    def _computed(self, node: NodeDef) -> Polynomial | None:
        if node.op in BATCH_NORMS:
            return self._batch_norm(node)
        if node.op == "Reshape":
            return self._behind_batch_norm(node)
        if node.op in ("Mean", "Pow", "Maximum"):
            operand = self.read(self._view.data_inputs(node)[0])
            return None if operand is None else self._by_constant(node, operand)
        operands = [self.read(tensor) for tensor in self._view.data_inputs(node)]
        known = [operand for operand in operands if operand is not None]
        if not known or len(known) != len(operands):
            return None
        if node.op in _PASS and self._is_float(node):
            return known[0]
        if node.op == "Rsqrt":
            return self._root(known[0], -1)
        if node.op == "Sqrt":
            return self._root(known[0], 1)
        compute = _READ.get(node.op)
        return None if compute is None else compute(*known)

    def _is_float(self, node: NodeDef) -> bool:
        return bool(self._view.dtype(f"{node.name}:0").is_floating)

    def _by_constant(self, node: NodeDef, operand: Polynomial) -> Polynomial | None:
        """A mean, power or maximum, by what its second input says."""
        constant = self._view.constant(self._view.data_inputs(node)[1])
        if constant is None or constant.size != 1:
            return None
        number = float(constant.reshape(-1)[0])
        if node.op == "Mean":
            last = number in (-1, (self._shape.rank or 0) - 1)
            keeps = attribute(node, "keep_dims", False)
            return _mean(operand) if last and keeps else None
        if node.op == "Maximum":
            # A variance is not negative but by rounding.
            return operand if number == 0 and _spread(operand) is not None else None
        if number == 2:
            return _product(operand, operand)
        return self._root(operand, round(2 * number)) if number in (0.5, -0.5) else None

    def _root(self, operand: Polynomial, power: int) -> Polynomial | None:
        """The root of the spread, or one over it."""
        spread = _spread(operand)
        if spread is None or self.spread not in (None, spread):
            return None
        self.spread = spread
        return {(0, 0, 0, -power): np.ones(self._channels)}

    def _batch_norm(self, node: NodeDef) -> Polynomial | None:
        """A batch normalization that has a channel for each row of x."""
        values, scale, offset = self._view.data_inputs(node)[:3]
        before = self._view.nodes[node_name(self._view.through_identities(values))]
        if before.op != "Reshape" or not attribute(node, "is_training", True):
            return None
        if self._view.through_identities(self._view.data_inputs(before)[0]) != self.base:
            return None
        if node.attr["data_format"].s != b"NCHW" or not self._is_row_by_row(f"{before.name}:0"):
            return None
        if not (self._is_filled(scale, 1) and self._is_filled(offset, 0)):
            return None
        spread = Spread(True, float(node.attr["epsilon"].f))
        if self.spread not in (None, spread):
            return None
        self.spread = spread
        self.polynomials[f"{before.name}:0"] = None
        ones = np.ones(self._channels)
        return {monomial(X, ROOT): ones, monomial(MEAN, ROOT): -ones}

    def _is_row_by_row(self, reshaped: str) -> bool:
        """Whether a tensor of ``(1, rows, channels, 1)`` has x's last axis as its third one."""
        shape = sizes(self._view, reshaped)
        if shape is None or len(shape) != 4:
            return False
        # The number of elements settles how many rows there are.
        return [shape[0], *shape[2:]] == [1, self._channels, 1]

    def _is_filled(self, tensor: str, number: float) -> bool:
        value = self._view.constant(tensor)
        if value is not None:
            return bool(np.all(value == number))
        node = self._view.nodes[node_name(tensor)]
        if node.op != "Fill":
            return False
        filled = self._view.constant(self._view.data_inputs(node)[1])
        return filled is not None and bool(np.all(filled == number))

    def _behind_batch_norm(self, node: NodeDef) -> Polynomial | None:
        """What is reshaped back behind a batch normalization of the rows."""
        source = self._view.through_identities(self._view.data_inputs(node)[0])
        if self._view.nodes[node_name(source)].op not in BATCH_NORMS:
            return None
        shape, base = (sizes(self._view, each) for each in (f"{node.name}:0", self.base))
        same = shape is not None and base is not None and equal(shape, base)
        return self.read(source) if same else None


def _spread(polynomial: Polynomial) -> Spread | None:
    """A polynomial as what a root is taken of; None if it is something else."""
    rest = dict(polynomial)
    squares = rest.pop(SQUARES, None)
    epsilon = rest.pop(monomial(), np.zeros(1))
    mean = rest.pop(monomial(MEAN, MEAN), None)
    if rest or squares is None or not np.all(squares == 1) or not is_uniform(epsilon):
        return None
    if mean is not None and not np.all(mean == -1):
        return None
    return Spread(mean is not None, float(epsilon[0])) if epsilon[0] >= 0 else None


def _clean(polynomial: Polynomial) -> Polynomial | None:
    kept = {powers: vector for powers, vector in polynomial.items() if np.any(vector != 0)}
    return kept if len(kept) <= _MOST_TERMS else None


def _sum(one: Polynomial, other: Polynomial) -> Polynomial | None:
    powers = [*one, *(each for each in other if each not in one)]
    return _clean({each: one.get(each, 0.0) + other.get(each, np.zeros(1)) for each in powers})


def _negative(one: Polynomial) -> Polynomial | None:
    return {powers: -vector for powers, vector in one.items()}


def _difference(one: Polynomial, other: Polynomial) -> Polynomial | None:
    negative = _negative(other)
    return None if negative is None else _sum(one, negative)


def _product(one: Polynomial, other: Polynomial) -> Polynomial | None:
    product: Polynomial = {}
    for powers, vector in one.items():
        for more, factor in other.items():
            key = monomial(powers, more)
            product[key] = product.get(key, 0.0) + vector * factor
    return _clean(product)


def _reciprocal(one: Polynomial) -> Polynomial | None:
    """One over a polynomial that has one term, of r alone."""
    if len(one) != 1:
        return None
    ((powers, vector),) = one.items()
    if powers[:3] != (0, 0, 0) or not np.all(vector != 0):
        return None
    return {(0, 0, 0, -powers[3]): 1 / vector}


def _quotient(one: Polynomial, other: Polynomial) -> Polynomial | None:
    inverse = _reciprocal(other)
    return None if inverse is None else _product(one, inverse)


def _squared_difference(one: Polynomial, other: Polynomial) -> Polynomial | None:
    difference = _difference(one, other)
    return None if difference is None else _product(difference, difference)


def _mean(one: Polynomial) -> Polynomial | None:
    """The mean along the last axis of a polynomial of uniform coefficients."""
    moments = {0: monomial(), 1: MEAN, 2: SQUARES}
    mean: Polynomial = {}
    for powers, vector in one.items():
        if powers[0] not in moments or not is_uniform(vector):
            return None
        key = monomial(moments[powers[0]], (0, *powers[1:]))
        mean[key] = mean.get(key, 0.0) + vector
    return _clean(mean)


_READ: dict[str, Callable[..., Polynomial | None]] = {
    **dict.fromkeys(ADDITIONS, _sum),
    "Sub": _difference,
    "Neg": _negative,
    "Mul": _product,
    "RealDiv": _quotient,
    "Reciprocal": _reciprocal,
    "Inv": _reciprocal,
    "Square": lambda one: _product(one, one),
    "SquaredDifference": _squared_difference,
}

FLOATS = (tf.float32, tf.float16, tf.bfloat16)
"""Types that a normalization may compute in."""
