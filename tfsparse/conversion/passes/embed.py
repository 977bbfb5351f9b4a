"""Makes constants of small variables that never change.

Why: a call of a function hands in a handle for each variable that it captures, and each variable is
read by an op of its own. From Python that takes 2 to 10 microseconds a variable, and a small
perceptron by one row takes no longer than twenty of them. A large model does not notice, and its
weights must not be in the graph: a graph is copied each time that it is loaded, optimized and
called by another function, and may not exceed 2 GB.

What: of the variables that only one function of the model reads, the smallest become constants of
its graph, up to `LIMIT` bytes in all. What several functions read stays one variable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfsparse.conversion.control_flow import has_bodies
from tfsparse.conversion.graph import Graph, NodeDef, tensor_name
from tfsparse.conversion.passes.clean import clean
from tfsparse.conversion.state import State, array_of

LIMIT = 4 << 20
"""Bytes of a function's variables that may become constants."""

_Reads = dict[int, list[tuple[Graph, NodeDef]]]
"""id of the handle of a variable to the ops that read it."""


def embed_small_variables(
    graphs: Sequence[Graph],
    others: Iterable[Graph],
    packed: Iterable[Any],
    state: State,
    limit: int = LIMIT,
) -> None:
    """Makes constants of small variables.

    Args:
        graphs: The functions of the model. They are changed in place.
        others: Functions that stay as they are and whose variables do, too.
        packed: The variables of packed weights.
        state: The other variables of the model.
        limit: Bytes of each function's variables that may become constants.
    """
    variables = state.variables | {id(each.handle): each for each in packed}
    captures = [set(map(id, graph.captures.values())) for graph in (*graphs, *others)]
    uses = Counter(handle for captured in captures for handle in captured)
    for graph in graphs:
        reads = _reads(graph, state)
        alone = {
            handle: variables[handle]
            for handle in reads
            if uses[handle] == 1 and handle in variables and handle not in state.changing
        }
        chosen = _smallest(alone, limit)
        for handle in chosen:
            value = tf.make_tensor_proto(array_of(variables[handle].read_value()))
            for each, node in reads[handle]:
                _become_constant(each, node, value)
        if chosen:
            clean(graph, state)


def _reads(graph: Graph, state: State) -> _Reads:
    """What reads each variable, for those of which nothing else is done."""
    reads: _Reads = {}
    kept: set[int] = set()
    for each in graph.all_graphs():
        for node in each.nodes.values():
            for reference in node.input:
                captured = None if reference[0] == "^" else _handle(each, reference, state)
                if captured is None or node.op == "Identity" or has_bodies(node):
                    continue
                if node.op == "ReadVariableOp":
                    reads.setdefault(captured, []).append((each, node))
                else:
                    kept.add(captured)
    return {handle: found for handle, found in reads.items() if handle not in kept}


def _handle(graph: Graph, reference: str, state: State) -> int | None:
    captured = state.capture(graph, tensor_name(reference))
    return id(captured) if captured is not None and captured.dtype == tf.resource else None


def _smallest(variables: Mapping[int, Any], limit: int) -> list[int]:
    """The smallest variables whose bytes together are within a limit."""
    sizes = {
        handle: (variable.shape.num_elements() or 0) * variable.dtype.size
        for handle, variable in variables.items()
        if variable.shape.is_fully_defined() and variable.dtype.size is not None
    }
    chosen: list[int] = []
    for handle in sorted(sizes, key=lambda each: sizes[each]):
        limit -= sizes[handle]
        if limit < 0:
            break
        chosen.append(handle)
    return chosen


def _become_constant(graph: Graph, node: NodeDef, value: Any) -> None:
    constant = tf.compat.v1.NodeDef(name=node.name, op="Const")
    constant.attr["dtype"].type = value.dtype
    constant.attr["value"].tensor.CopyFrom(value)
    graph.nodes[node.name] = constant
