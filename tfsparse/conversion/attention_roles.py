"""What the axes of attention stand for: batch, heads, positions, and the size of heads."""

from __future__ import annotations

import dataclasses

from tfsparse.conversion.attention_context import Context
from tfsparse.conversion.attention_operands import Operand
from tfsparse.conversion.attention_scores import Scores
from tfsparse.conversion.graph_view import GraphView

ONE_HEAD = "one head"
"""The label of the axis of heads where there is none."""


@dataclasses.dataclass(frozen=True)
class Roles:
    """The labels of the axes of attention.

    Attributes:
        batch: The batch.
        heads: The heads: none, one axis, or that of keys' heads and that of queries in a group.
        shared: Those of `heads` that keys and values have too.
        queries: Positions of queries.
        keys: Positions of keys and values.
        depth: The size of heads of queries and keys.
        value_depth: The size of heads of values.
    """

    batch: str
    heads: tuple[str, ...]
    shared: tuple[str, ...]
    queries: str
    keys: str
    depth: str
    value_depth: str

    @property
    def scores(self) -> tuple[str, ...]:
        """The order of axes in which the op takes masks."""
        return (self.batch, *(self.heads or (ONE_HEAD,)), self.queries, self.keys)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Numbers that the op has to know.

    Attributes:
        heads: Heads of queries.
        kv_heads: Heads of keys and values.
        depth: Size of a head of queries and keys.
        value_depth: Size of a head of values.
    """

    heads: int
    kv_heads: int
    depth: int
    value_depth: int

    @classmethod
    def of(
        cls, view: GraphView, roles: Roles, query: Operand, key: Operand, value: Operand
    ) -> Sizes | str:
        """The sizes, or which one is not known before a call."""
        known: dict[str, int] = {}
        for operand in (query, key, value):
            shape = view.shape(operand.tensor).as_list()
            for label, size in zip(operand.labels, shape, strict=True):
                if size is not None and operand.repeats == 1:
                    known.setdefault(label, size)
        if key.repeats > 1:
            known[roles.heads[0]] = view.shape(key.tensor)[key.labels.index(roles.heads[0])]
            known[roles.heads[0]] *= key.repeats
            for operand in (key, value):
                shape = view.shape(operand.tensor).as_list()
                known |= {
                    label: size
                    for label, size in zip(operand.labels, shape, strict=True)
                    if size is not None and label != roles.heads[0]
                }
        if any(label not in known for label in roles.heads):
            return "its number of heads is not known before a call"
        if roles.depth not in known or roles.value_depth not in known:
            return "the size of its heads is not known before a call"
        heads = kv_heads = 1
        for label in roles.heads:
            heads *= known[label]
            kv_heads *= known[label] if label in roles.shared else 1
        kv_heads //= key.repeats
        return cls(heads, kv_heads, known[roles.depth], known[roles.value_depth])


def read_roles(
    view: GraphView,
    scores: Scores,
    context: Context,
    query: Operand,
    key: Operand,
    value: Operand,
    keys: str,
) -> Roles | str:
    """Tells which axis is which.

    Returns:
        The labels by what they stand for, or why the op cannot compute it.
    """
    result = scores.labels[2]
    shared = [label for label in query.labels if label in key.labels and label in result]
    depth = [label for label in query.labels if label in key.labels and label not in result]
    own = [label for label in result if label in query.labels and label not in key.labels]
    beside = [label for label in key.labels if label not in query.labels]
    if len(depth) != 1 or beside != [keys] or set(result) != {*shared, *own, keys}:
        return "its scores are another product"
    if {label for label in value.labels if label in result} != {*shared, keys}:
        return "its keys and values have different axes"
    if not (1 <= len(shared) <= 2 and 1 <= len(own) <= 2):
        return f"it has {len(shared)} axes of batch and heads, and {len(own)} of queries"
    (value_depth,) = (label for label in value.labels if label not in result)
    batch, *inner = _batch_first(view, query, shared)
    # Beside the keys stand the queries; before them the heads that share keys.
    queries = own[-1]
    heads = (*inner, *own[:-1])
    return Roles(batch, heads, tuple(inner), queries, keys, depth[0], value_depth)


def _batch_first(view: GraphView, query: Operand, shared: list[str]) -> list[str]:
    """The axes of batch and heads: that of heads has a known size, and else comes second."""
    if len(shared) == 2:
        sizes = [view.shape(query.tensor)[query.labels.index(label)] for label in shared]
        if sizes[1] is None and sizes[0] is not None:
            return [shared[1], shared[0]]
    return shared
