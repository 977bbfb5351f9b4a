"""Reads the scores of attention backwards: from the softmax to the product of queries and keys.

On the way stand scales, masks, biases, casts and transpositions, in any order. Each axis keeps its
label across a transposition, so that it is known which axis is what wherever a mask is added.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfsparse.conversion.additive_masks import AdditiveMask, read_additive_mask
from tfsparse.conversion.boolean_masks import BooleanMask, negated, read_boolean_mask
from tfsparse.conversion.contraction import CONTRACTIONS, Contraction, read_contraction
from tfsparse.conversion.derived import Made, made
from tfsparse.conversion.fills import filled_with
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.scalars import scalar

_MOST_NODES = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """A mask or a bias that is applied to scores.

    Attributes:
        kind: ``"add"`` where masked scores have the value added, ``"replace"`` where they become
            it, ``"bias"`` where a tensor is added.
        mask: What is kept, for a mask.
        bias: What is added, for a bias and for a mask that is added.
        value: The value, before `factor`.
        condition: Name of the boolean tensor that a mask was read from, or None.
        labels: Labels of the axes of the scores where it is applied.
        factor: What the result is multiplied by after it.
    """

    kind: str
    mask: BooleanMask | None
    bias: str | Made | None
    value: float
    condition: str | None
    labels: tuple[str, ...]
    factor: float


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Scores of attention.

    Attributes:
        product: The product of queries and keys.
        labels: For each of its factors, and then for its result, the labels of its axes.
        node: Name of the node that multiplies.
        scale: What the product is multiplied by.
        soft_cap: Bound of the scores by a hyperbolic tangent; 0 for none.
        steps: Masks and biases in the order in which they are applied.
        nodes: Names of the nodes behind the product, and of the product.
        axes: Name of a tensor among theirs to the labels of its axes.
    """

    product: Contraction
    labels: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    node: str
    scale: float
    soft_cap: float
    steps: tuple[Step, ...]
    nodes: tuple[str, ...]
    axes: dict[str, tuple[str, ...]]


def read_scores(view: GraphView, tensor: str, labels: tuple[str, ...]) -> Scores | None:
    """Reads a tensor as masked and scaled scores.

    Args:
        view: The graph.
        tensor: Name of the tensor that the softmax is taken of.
        labels: Labels of its axes.

    Returns:
        The scores; None if the tensor is no product of two tensors, or something else is done to
        it than attention does.
    """
    return _Walk(view, tensor, labels).scores()


class _Walk:
    """Goes backwards from the softmax."""

    def __init__(self, view: GraphView, tensor: str, labels: tuple[str, ...]) -> None:
        self._view = view
        self._tensor = tensor
        self._labels = labels
        self._factor = 1.0
        self._cap: float | None = None
        self._steps: list[Step] = []
        self._nodes: list[str] = []
        self._axes: dict[str, tuple[str, ...]] = {}

    def scores(self) -> Scores | None:
        for _ in range(_MOST_NODES):
            node = self._view.nodes[node_name(self._tensor)]
            if self._view.shape(self._tensor).rank != len(self._labels):
                return None
            self._axes[self._tensor] = self._labels
            if node.op in CONTRACTIONS:
                return self._at_product(node)
            before = self._before(node)
            if before is None or self._is_broadcast(node, before):
                return None
            self._nodes.append(node.name)
            self._tensor = before
        return None

    def _at_product(self, node: NodeDef) -> Scores | None:
        found = read_contraction(self._view, node)
        if found is None:
            return None
        known = dict(zip(found.result, self._labels, strict=True))
        one, other = (
            tuple(known.get(label, f"summed {label}") for label in labels)
            for labels in found.labels
        )
        scale, soft_cap = self._factor, 0.0
        if self._cap is not None:
            soft_cap, scale = self._cap, self._factor * self._cap
        return Scores(
            product=found,
            labels=(one, other, self._labels),
            node=node.name,
            scale=scale,
            soft_cap=soft_cap,
            steps=tuple(reversed(self._steps)),
            nodes=(*reversed(self._nodes), node.name),
            axes=self._axes,
        )

    def _before(self, node: NodeDef) -> str | None:
        """The tensor before a node that attention may have behind its scores; None for others."""
        inputs = self._view.data_inputs(node)
        if node.op in ("Identity", "Cast", "Snapshot"):
            return inputs[0] if self._view.dtype(inputs[0]).is_floating else None
        if node.op == "Transpose":
            return self._through_transpose(inputs)
        if node.op == "Tanh" and self._cap is None and self._factor > 0:
            # cap * tanh(s / cap): what was met so far is the cap, and now come scales of s / cap.
            self._cap, self._factor = self._factor, 1.0
            return inputs[0]
        if node.op in ("Mul", "RealDiv"):
            return self._through_scale(node, inputs)
        if self._cap is not None:
            # A mask would be bounded too.
            return None
        if node.op in ("Add", "AddV2", "Sub"):
            return self._through_addition(node, inputs)
        if node.op in ("SelectV2", "Select"):
            return self._through_selection(node, inputs)
        return None

    def _is_broadcast(self, node: NodeDef, before: str) -> bool:
        """Whether a mask or bias makes several of scores that are one along an axis."""
        if node.op == "Transpose":
            return False
        after = self._view.shape(f"{node.name}:0").as_list()
        sizes = self._view.shape(before).as_list()
        return len(sizes) != len(after) or any(
            size == 1 and wide != 1 for size, wide in zip(sizes, after, strict=True)
        )

    def _through_transpose(self, inputs: list[str]) -> str | None:
        order = self._view.constant(inputs[1])
        if order is None:
            return None
        labels = [""] * len(self._labels)
        for place, axis in enumerate(order.tolist()):
            labels[axis] = self._labels[place]
        self._labels = tuple(labels)
        return inputs[0]

    def _through_scale(self, node: NodeDef, inputs: list[str]) -> str | None:
        places = (0, 1) if node.op == "Mul" else (0,)
        for place in places:
            number = scalar(self._view, inputs[1 - place])
            if number is not None and np.isfinite(number) and number != 0:
                self._factor *= number if node.op == "Mul" else 1 / number
                return inputs[place]
        return None

    def _through_addition(self, node: NodeDef, inputs: list[str]) -> str | None:
        places = (0,) if node.op == "Sub" else (0, 1)
        for place in places:
            if _may_hold_scores(self._view, inputs[place]):
                other = inputs[1 - place]
                sign = -1.0 if node.op == "Sub" else 1.0
                step = self._added(other, sign)
                if step is None:
                    return None
                self._steps.append(step)
                return inputs[place]
        return None

    def _added(self, other: str, sign: float) -> Step | None:
        rank = self._view.shape(other).rank
        if rank is None or rank > len(self._labels):
            return None
        bias: str | Made = other
        if sign < 0:
            bias = made("Neg", (other,), rank, T=self._view.dtype(other))
        found = read_additive_mask(self._view, other)
        if isinstance(found, AdditiveMask):
            return self._step("add", found.mask, bias, sign * found.value)
        return self._step("bias", None, bias, 0.0)

    def _through_selection(self, node: NodeDef, inputs: list[str]) -> str | None:
        """``where(mask, scores, value)``, and the same with ``scores + value``."""
        view, (condition, *cases) = self._view, inputs
        rank = view.shape(condition).rank
        if rank is None or rank > len(self._labels):
            return None
        if node.op == "Select" and rank != len(self._labels):
            # Of rows, and not of what it is broadcast to.
            return None
        for place, (kept, other) in enumerate((cases, reversed(cases))):
            value, kind = filled_with(view, other), "replace"
            if value is None:
                value, kind = _shifted(view, other, kept), "add"
            if value is None or not _may_hold_scores(view, kept):
                continue
            mask = read_boolean_mask(view, condition)
            if place == 1:
                mask = BooleanMask(False, negated(condition, rank))
                mask = _not_negated(view, condition) or mask
            self._steps.append(self._step(kind, mask, None, value, None if place else condition))
            if kind == "add":
                self._nodes.append(node_name(other))
            return kept
        return None

    def _step(
        self,
        kind: str,
        mask: BooleanMask | None,
        bias: str | Made | None,
        value: float,
        condition: str | None = None,
    ) -> Step:
        return Step(kind, mask, bias, value, condition, self._labels, self._factor)


def _not_negated(view: GraphView, condition: str) -> BooleanMask | None:
    """The mask that a condition is the opposite of, where it is a negation itself."""
    node = view.nodes[node_name(view.through_identities(condition))]
    if node.op != "LogicalNot":
        return None
    return read_boolean_mask(view, view.data_inputs(node)[0])


def _may_hold_scores(view: GraphView, tensor: str) -> bool:
    """Whether a product of two tensors is behind a tensor, a few ops away."""
    pending, seen = [node_name(tensor)], 0
    while pending and seen < _MOST_NODES:
        node = view.nodes[pending.pop(0)]
        seen += 1
        if view.is_constant(f"{node.name}:0"):
            continue
        if node.op in CONTRACTIONS:
            if read_contraction(view, node) is not None:
                return True
            continue
        pending += [node_name(each) for each in _operands(view, node)]
    return False


_PASSED = {"Identity": 1, "Cast": 1, "Transpose": 1, "Tanh": 1, "Snapshot": 1}


def _operands(view: GraphView, node: NodeDef) -> list[str]:
    """The inputs of a node that may hold the scores."""
    inputs = view.data_inputs(node)
    if node.op in _PASSED:
        return inputs[:1]
    if node.op in ("SelectV2", "Select"):
        return inputs[1:]
    return inputs if node.op in ("Add", "AddV2", "Sub", "Mul", "RealDiv") else []


def _shifted(view: GraphView, tensor: str, kept: str) -> float | None:
    """What a tensor is more than another one, where that is a number."""
    node = view.nodes[node_name(tensor)]
    if node.op not in ("Add", "AddV2", "Sub"):
        return None
    inputs = view.data_inputs(node)
    for place in (0, 1) if node.op != "Sub" else (0,):
        if view.through_identities(inputs[place]) == view.through_identities(kept):
            value = filled_with(view, inputs[1 - place])
            return None if value is None else (-value if node.op == "Sub" else value)
    return None
