"""Reads the context of attention forwards: from the softmax to the product with the values."""

from __future__ import annotations

import dataclasses

from tfsparse.conversion.attention_operands import Operand
from tfsparse.conversion.attention_scores import Scores
from tfsparse.conversion.contraction import CONTRACTIONS, Contraction, read_contraction
from tfsparse.conversion.fills import filled_with
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import CONTROL, GraphView, Reader

_MOST_NODES = 16
_READ_ELSEWHERE = "its probabilities are a result of the model or read by something else"

_NOTHING_IS_LEFT = -1e4
"""A masked score whose probability is 0 beside one that is not masked."""


@dataclasses.dataclass(frozen=True, eq=False)
class Context:
    """The context of attention.

    Attributes:
        value: The values.
        labels: The labels of the result's axes.
        result: Name of the node that gives the result.
        nodes: Names of the nodes behind the softmax, the result's among them.
        axes: Name of a tensor in between to the labels of its axes.
        zero_masked: Whether probabilities of masked keys are made 0.
    """

    value: Operand
    labels: tuple[str, ...]
    result: str
    nodes: tuple[str, ...]
    axes: dict[str, tuple[str, ...]]
    zero_masked: bool


def read_context(
    view: GraphView, tensor: str, labels: tuple[str, ...], keys: str, scores: Scores
) -> Context | str | None:
    """Follows probabilities to the product with the values.

    Args:
        view: The graph.
        tensor: Name of the tensor of probabilities.
        labels: Labels of its axes.
        keys: The label of the axis that is summed over.
        scores: The scores, whose masks may be applied once more.

    Returns:
        The context; why it stays; None if there is no product with values.
    """
    axes, nodes, zero_masked = {tensor: labels}, [], False
    for _ in range(_MOST_NODES):
        reader = _only(view, tensor)
        if reader is None:
            return _READ_ELSEWHERE
        node = reader.node
        nodes.append(str(node.name))
        if node.op in CONTRACTIONS:
            return _at_product(view, reader, axes, nodes, labels, keys, zero_masked)
        if node.op == "Transpose":
            labels = _permuted(view, node, labels) or labels
        elif node.op in ("SelectV2", "Select") and _zeroes(view, reader, scores, labels):
            zero_masked = True
        elif node.op not in ("Identity", "Cast", "Snapshot"):
            return f"its probabilities go through {node.op}"
        tensor = f"{node.name}:0"
        axes[tensor] = labels
    return None


def _only(view: GraphView, tensor: str) -> Reader | None:
    """The one reader of a tensor's elements."""
    readers = [
        each for each in view.readers(tensor) if each.index == CONTROL or each.node.op != "Shape"
    ]
    if len(readers) != 1 or view.is_output(tensor) or readers[0].index == CONTROL:
        return None
    return readers[0]


def _permuted(view: GraphView, node: NodeDef, labels: tuple[str, ...]) -> tuple[str, ...] | None:
    order = view.constant(view.data_inputs(node)[1])
    return None if order is None else tuple(labels[axis] for axis in order.tolist())


def _zeroes(view: GraphView, reader: Reader, scores: Scores, labels: tuple[str, ...]) -> bool:
    """Whether a choice makes 0 what the one mask of the scores has masked."""
    condition, _, other = view.data_inputs(reader.node)
    if reader.node.op == "Select" and view.shape(condition).rank != len(labels):
        return False
    masks = [step for step in scores.steps if step.kind != "bias"]
    if reader.index != 1 or filled_with(view, other) != 0 or len(masks) != 1:
        return False
    if masks[0].value * masks[0].factor > _NOTHING_IS_LEFT:
        return False
    known = masks[0].condition
    if known is None or masks[0].labels != labels:
        return False
    return view.constants.identity(known) == view.constants.identity(condition)


def _at_product(
    view: GraphView,
    reader: Reader,
    axes: dict[str, tuple[str, ...]],
    nodes: list[str],
    labels: tuple[str, ...],
    keys: str,
    zero_masked: bool,
) -> Context | str | None:
    found = read_contraction(view, reader.node)
    if found is None:
        return "its values are constant, or its product is not understood"
    known = dict(zip(found.labels[reader.index], labels, strict=True))
    others = found.labels[1 - reader.index]
    result = tuple(known.get(label, label) for label in found.result)
    if keys in result or not _is_context(found, known, others, result):
        return "its product with the values is another one"
    value = Operand(
        found.factors[1 - reader.index], tuple(known.get(label, label) for label in others)
    )
    last = str(reader.node.name)
    while (after := view.sole_reader(f"{last}:0")) is not None and after.node.op == "Transpose":
        moved = _permuted(view, after.node, result)
        if moved is None:
            break
        axes[f"{last}:0"] = result
        result, last = moved, str(after.node.name)
        nodes.append(last)
    return Context(value, result, last, tuple(nodes), axes, zero_masked)


def _is_context(
    found: Contraction, known: dict[str, str], others: tuple[str, ...], result: tuple[str, ...]
) -> bool:
    """Whether the keys alone are summed over, and the values have one axis of their own."""
    summed = {label for label in (*known, *others) if label not in found.result}
    own = [label for label in others if label not in known]
    shared = [label for label in known if label in others]
    return len(own) == 1 and len(summed) == 1 and summed <= set(shared) and own[0] in result
