"""Finds attention in a graph, however it is spelled: scores, softmax and context.

How: a softmax is followed backwards to a product of two tensors, the scores, and forwards to a
product of the probabilities and a third tensor, the context. Each axis has a label on the way, so
the labels say what the axes are, and not their order: the one that the softmax runs along is that
of the keys; of the axes that queries, keys and values share, the first is the batch and the other
one the heads; the one that queries alone have is that of their positions.

Contract: attention is found only where nothing outside of it reads scores, probabilities or a value
in between. Who asks for the shape of one of these is given it in another way. Nothing is changed
here. What looks like attention and stays is returned with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence

import tensorflow as tf

from tfsparse.conversion.attention_context import Context, read_context
from tfsparse.conversion.attention_masking import Masking, combine
from tfsparse.conversion.attention_operands import Operand, read_operand, without_repeats
from tfsparse.conversion.attention_roles import Roles, Sizes, read_roles
from tfsparse.conversion.attention_scores import Scores, read_scores
from tfsparse.conversion.dense_layer import Unmatched
from tfsparse.conversion.derived import Made
from tfsparse.conversion.graph import Graph, NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.layer_name import layer_name
from tfsparse.conversion.moments import FLOATS
from tfsparse.conversion.softmax import Softmax, read_softmax

_MOST_NODES = 6

KEYS = "keys"
"""The label of the axis that a softmax runs along."""


@dataclasses.dataclass(frozen=True, eq=False)
class Attention:
    """Attention found in a graph.

    Attributes:
        name: The layer's name as the user knows it.
        graph: The graph that it stands in.
        query: The queries.
        key: The keys.
        value: The values.
        roles: What the labels of axes stand for.
        sizes: Numbers of heads and their sizes.
        scale: What scores are multiplied by.
        soft_cap: Bound of the scores by a hyperbolic tangent; 0 for none.
        masking: Masks and biases.
        result: Name of the node that gives the result.
        result_labels: The labels of the result's axes.
        absorbed: Names of the nodes that it stands for.
        shapes: Name of a node that gives the shape of one of those to the labels of its axes.
        dtype: Type of the result's elements.
    """

    name: str
    graph: Graph
    query: Operand
    key: Operand
    value: Operand
    roles: Roles
    sizes: Sizes
    scale: float
    soft_cap: float
    masking: Masking
    result: str
    result_labels: tuple[str, ...]
    absorbed: tuple[str, ...]
    shapes: dict[str, tuple[str, ...]]
    dtype: tf.DType


def find_attentions(view: GraphView) -> tuple[list[Attention], list[Unmatched]]:
    """Finds attention in a graph.

    Args:
        view: The graph.

    Returns:
        ``(found, unmatched)``, each in the order of the graph.
    """
    found: list[Attention] = []
    unmatched: list[Unmatched] = []
    every = [(node, _read(view, node)) for node in list(view.nodes.values())]
    results = {read.result for _, read in every if isinstance(read, Attention)}
    for node, first in every:
        # Where operands begin depends on where other attention ends, in whatever order they stand.
        again = isinstance(first, Attention) and len(results) > 1
        read = _read(view, node, results) if again else first
        if isinstance(read, Attention):
            found.append(read)
        elif isinstance(read, str):
            name = layer_name(view.state.layer_scope(node.name), None)
            unmatched.append(Unmatched(name, view.graph, node.name, read))
    return found, unmatched


def _read(view: GraphView, node: NodeDef, results: Collection[str] = ()) -> Attention | str | None:
    """The attention that a softmax is part of; why it stays; None if it is none.

    Its operands are not read back beyond `results`, the nodes where other attention ends.
    """
    softmax = read_softmax(view, node)
    if softmax is None:
        return None
    rank = view.shape(f"{node.name}:0").rank
    labels = tuple(KEYS if axis == softmax.axis else f"axis {axis}" for axis in range(rank or 0))
    scores = read_scores(view, softmax.logits, labels)
    if scores is None:
        return None
    context = read_context(view, f"{node.name}:0", labels, KEYS, scores)
    if context is None or isinstance(context, str):
        return context
    return _made(view, node, softmax, scores, context, results)


def _made(
    view: GraphView,
    node: NodeDef,
    softmax: Softmax,
    scores: Scores,
    context: Context,
    results: Collection[str],
) -> Attention | str | None:
    place = 0 if KEYS in scores.labels[1] else 1
    query = Operand(scores.product.factors[place], scores.labels[place])
    key = Operand(scores.product.factors[1 - place], scores.labels[1 - place])
    query, key = (read_operand(view, each, True, results) for each in (query, key))
    value = read_operand(view, context.value, False, results)
    roles = read_roles(view, scores, context, query, key, value, KEYS)
    if isinstance(roles, str):
        return roles
    key, value = _without_repeats(view, roles, key, value, results)
    sizes = Sizes.of(view, roles, query, key, value)
    if isinstance(sizes, str):
        return sizes
    masking = combine(view, scores.steps, roles, context.zero_masked)
    if isinstance(masking, str):
        return masking
    if view.dtype(f"{context.result}:0") not in FLOATS or view.dtype(query.tensor) not in FLOATS:
        return f"it computes in {view.dtype(query.tensor).name}, not float32"
    absorbed = (*scores.nodes, *softmax.nodes, *context.nodes)
    given: list[str | Made] = [each.tensor for each in (query, key, value)]
    given += [each for each in (masking.bias, masking.mask) if each is not None]
    shapes = _shapes(view, absorbed, context.result, given, {**scores.axes, **context.axes})
    if shapes is None:
        return "its scores or probabilities are read by something else"
    return Attention(
        name=_name(view, node, (query, key, value)),
        graph=view.graph,
        query=query,
        key=key,
        value=value,
        roles=roles,
        sizes=sizes,
        scale=scores.scale * query.scale * key.scale,
        soft_cap=scores.soft_cap,
        masking=masking,
        result=context.result,
        result_labels=context.labels,
        absorbed=tuple(dict.fromkeys(absorbed)),
        shapes=shapes,
        dtype=view.dtype(f"{context.result}:0"),
    )


def _name(view: GraphView, node: NodeDef, operands: Sequence[Operand]) -> str:
    """The layer's name: the scope that the projections share, or else that of the softmax."""
    scopes = [_projection(view, operand.tensor) for operand in operands]
    known = [scope.split("/") for scope in scopes if scope is not None]
    shared: list[str] = []
    for parts in zip(*known, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    whole = len(known) == len(operands) and 0 < len(shared) < max(map(len, known))
    return "/".join(shared) if whole else layer_name(view.state.layer_scope(node.name), None)


def _projection(view: GraphView, tensor: str) -> str | None:
    """The name of the layer whose kernel or bias a tensor is computed with, a few ops away."""
    for _ in range(_MOST_NODES):
        node = view.nodes[node_name(tensor)]
        inputs = view.data_inputs(node)
        constants = [each for each in inputs if view.is_constant(each)]
        names = [name for each in constants for name in view.constants.variable_names(each)]
        variable = view.state.layer_variable(names)
        if variable is not None and "/" in variable:
            return variable.rsplit("/", 1)[0]
        others = [each for each in inputs if each not in constants]
        if not others:
            return None
        tensor = others[0]
    return None


def _without_repeats(
    view: GraphView, roles: Roles, key: Operand, value: Operand, results: Collection[str]
) -> tuple[Operand, Operand]:
    """Keys and values before their heads are repeated, if both are as often."""
    if len(roles.heads) != 1:
        return key, value
    fewer = without_repeats(view, key, roles.heads[0], True, results)
    others = without_repeats(view, value, roles.heads[0], False, results)
    return (fewer, others) if fewer.repeats == others.repeats else (key, value)


def _shapes(
    view: GraphView,
    absorbed: Sequence[str],
    result: str,
    given: Sequence[str | Made],
    axes: dict[str, tuple[str, ...]],
) -> dict[str, tuple[str, ...]] | None:
    """Nodes outside that ask for a shape inside; None if one asks for more than that.

    Args:
        view: The graph.
        absorbed: Names of the nodes that the op takes the place of.
        result: That of the node that gives the result.
        given: What the op takes.
        axes: Name of a tensor inside to the labels of its axes.
    """
    found: dict[str, tuple[str, ...]] = {}
    inner = set(absorbed) - {result}
    outputs = [*view.graph.outputs, *view.graph.control_outputs]
    pending = [*map(node_name, outputs), *_nodes_of(given)]
    live: set[str] = set()
    while pending:
        node = view.nodes[pending.pop()]
        if node.name in live:
            continue
        live.add(node.name)
        if node.name in inner:
            return None
        if node.name == result:
            continue
        if node.op == "Shape" and node_name(node.input[0]) in inner:
            labels = axes.get(view.data_inputs(node)[0])
            if labels is None:
                return None
            found[node.name] = labels
        else:
            pending += map(node_name, node.input)
    return found


def _nodes_of(sources: Sequence[str | Made]) -> Iterator[str]:
    """Names of the nodes that tensors are made from."""
    for source in sources:
        if isinstance(source, Made):
            yield from _nodes_of(source.inputs)
        else:
            yield node_name(source)
