"""Puts the masks and biases of attention into the one form that the op takes.

The op adds one bias and applies one mask, each of them broadcast to ``(batch, heads, queries,
keys)``, and knows a causal mask without a tensor. A graph may have several, along axes in another
order.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfsparse.conversion.attention_roles import Roles
from tfsparse.conversion.attention_scores import Step
from tfsparse.conversion.boolean_masks import rank_of
from tfsparse.conversion.derived import Made, constant, expanded, made, squeezed, transposed
from tfsparse.conversion.graph_view import GraphView


@dataclasses.dataclass(frozen=True, eq=False)
class Masking:
    """Masks and biases as the op takes them.

    Attributes:
        bias: What is added to the scores, float32, or None.
        mask: What is kept, or None.
        causal: Whether a key is kept only where it does not come after the query.
        replaces: Whether a masked score becomes `value`, and does not have it added.
        value: The value.
        bias_first: Whether the bias is added before the mask is applied.
        zero_masked: Whether the probability of a masked key is made 0.
    """

    bias: str | Made | None = None
    mask: str | Made | None = None
    causal: bool = False
    replaces: bool = False
    value: float = -1e9
    bias_first: bool = True
    zero_masked: bool = False


def combine(
    view: GraphView, steps: tuple[Step, ...], roles: Roles, zero_masked: bool
) -> Masking | str:
    """Combines the steps that scores go through.

    Args:
        view: The graph.
        steps: Masks and biases in the order in which they are applied.
        roles: What the labels of their axes stand for.
        zero_masked: Whether the probability of a masked key is made 0.

    Returns:
        The masks and biases, or why the op cannot apply them.
    """
    masks, before, after = _sorted(steps)
    places = [place for place, step in enumerate(steps) if step in masks]
    if places and places[-1] - places[0] >= len(places):
        return "it has a bias between its masks"
    if len({(mask.kind, mask.value * mask.factor) for mask in masks}) > 1:
        return "it has masks of different values"
    if len(masks) > 1 and masks[0].kind == "add":
        return "it has several masks that are added"
    if masks and masks[0].kind == "replace" and before and after:
        return "it has a bias before its mask and one behind"
    causal = [step for step in masks if step.mask is not None and step.mask.causal]
    if any(step.labels[-2:] != (roles.queries, roles.keys) for step in causal):
        return "its causal mask has other axes than its scores"
    biases = [_bias(view, step, roles) for step in (*before, *after)]
    rests = [
        _aligned(view, step.mask.rest, step, roles, tf.bool)
        for step in masks
        if step.mask is not None and step.mask.rest is not None
    ]
    if any(each is None for each in (*biases, *rests)):
        return "its mask or bias has other axes than its scores"
    first = masks[0] if masks else None
    return Masking(
        bias=_joined(view, biases, "AddV2", tf.float32),
        mask=_joined(view, rests, "LogicalAnd", None),
        causal=bool(causal),
        replaces=first is not None and first.kind == "replace",
        value=-1e9 if first is None else float(np.float32(first.value * first.factor)),
        bias_first=not after,
        zero_masked=zero_masked,
    )


def _sorted(steps: tuple[Step, ...]) -> tuple[list[Step], list[Step], list[Step]]:
    """The masks, the biases before them, and those behind them.

    Of a mask that is added and any other one, the first is as good as a bias.
    """
    masks = [step for step in steps if step.kind != "bias"]
    if len(masks) > 1:
        masks = [step for step in masks if step.kind == "replace" or step.bias is None] or masks[
            -1:
        ]
    before: list[Step] = []
    after: list[Step] = []
    passed = False
    for step in steps:
        if step in masks:
            passed = True
        elif passed and masks[0].kind == "replace":
            after.append(step)
        else:
            before.append(step)
    return masks, before, after


def _bias(view: GraphView, step: Step, roles: Roles) -> str | Made | None:
    """A bias in float32, with what multiplies the scores after it."""
    assert step.bias is not None
    source, rank = step.bias, rank_of(view, step.bias)
    assert rank is not None
    dtype = view.dtype(source) if isinstance(source, str) else _type_of(source)
    if dtype != tf.float32:
        source = made("Cast", (source,), rank, SrcT=dtype, DstT=tf.float32)
    if step.factor != 1:
        number = constant(np.asarray(step.factor, np.float32))
        source = made("Mul", (source, number), rank, T=tf.float32)
    return _aligned(view, source, step, roles, tf.float32)


def _type_of(source: Made) -> tf.DType:
    return tf.as_dtype(source.node.attr["T"].type)


def _joined(
    view: GraphView, parts: list[str | Made | None], op: str, dtype: tf.DType | None
) -> str | Made | None:
    """All of some tensors in one."""
    joined: str | Made | None = None
    for part in parts:
        if joined is None or part is None:
            joined = part
            continue
        rank = max(rank_of(view, joined) or 0, rank_of(view, part) or 0)
        types = {} if dtype is None else {"T": dtype}
        joined = made(op, (joined, part), rank, **types)
    return joined


def _aligned(
    view: GraphView, source: str | Made, step: Step, roles: Roles, dtype: tf.DType
) -> str | Made | None:
    """A tensor whose axes are the last ones of batch, heads, queries and keys, in that order."""
    rank = rank_of(view, source)
    if rank is None or rank > len(step.labels):
        return None
    labels = list(step.labels[len(step.labels) - rank :])
    wanted = [label for label in roles.scores if label in labels]
    if set(wanted) != set(labels):
        return None
    if wanted != labels:
        source = transposed(source, tuple(labels.index(label) for label in wanted), dtype)
    if not wanted:
        return source
    # An axis that is missing between others has size 1.
    for label in roles.scores[roles.scores.index(wanted[0]) :]:
        place = roles.scores.index(label) - roles.scores.index(wanted[0])
        if label not in wanted:
            source = expanded(source, place, len(wanted), dtype)
            wanted.insert(place, label)
    if len(roles.heads) < 2 or not set(roles.heads) & set(wanted):
        return source
    return _with_one_axis_of_heads(view, source, step, roles, wanted, dtype)


def _with_one_axis_of_heads(
    view: GraphView,
    source: str | Made,
    step: Step,
    roles: Roles,
    labels: list[str],
    dtype: tf.DType,
) -> str | Made | None:
    """A tensor that is the same for all heads, without the second of their axes."""
    original = step.condition or step.bias
    if not isinstance(original, str):
        return None
    shape = view.shape(original).as_list()
    own = step.labels[len(step.labels) - len(shape) :]
    sizes = dict(zip(own, shape, strict=True))
    if any(sizes.get(label, 1) != 1 for label in roles.heads):
        return None
    return squeezed(source, labels.index(roles.heads[1]), len(labels), dtype)
