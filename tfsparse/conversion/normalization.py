"""Recognises layer and RMS normalization, however the graph spells them.

Why: one normalization is ten ops, each a pass over memory. Keras 3, tf_keras, an older Keras and
code by hand write it in different ways: the scale is multiplied with the root first or last, the
variance is a mean of squared differences or a difference of means, and tf_keras calls a batch
normalization between two reshapes.

How: what is computed from a tensor x is read as a polynomial in four symbols: x, its mean m, the
mean of its squares q, and r, one over the root of the variance (its inverse is the root). Constants
are vectors along the last axis, and coefficients. Then all spellings are one: ``q - m^2 + epsilon``
is the variance, and ``g x r - g m r + b`` is the layer normalization; without m it is the RMS
normalization.

Contract: a normalization is over the last axis. It is found only where nothing outside of it reads
a value in between; who looks at the tensor x itself may do so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

import numpy as np
import tensorflow as tf

from tfsparse.conversion.dense_layer import Unmatched
from tfsparse.conversion.graph import Graph, NodeDef, node_name
from tfsparse.conversion.graph_view import CONTROL, GraphView
from tfsparse.conversion.layer_name import layer_name
from tfsparse.conversion.moments import (
    BATCH_NORMS,
    FLOATS,
    MEAN,
    ROOT,
    MomentReader,
    Polynomial,
    X,
    monomial,
)

_ROOTS = {"Rsqrt", "Sqrt", "Pow", *BATCH_NORMS}
_SQUARES = {"Square", "SquaredDifference", "Pow"}

_MOST_NODES = 48
"""Ops that one normalization is looked for in; the longest spelling has about twenty."""


@dataclasses.dataclass(frozen=True, eq=False)
class Normalization:
    """A normalization over the last axis: ``gamma * (x - mean) / root + beta``.

    Attributes:
        name: The layer's name as the user knows it.
        graph: The graph that it stands in.
        kind: ``"layer"``, or ``"rms"``, which has no mean.
        x: Name of the tensor that is normalized.
        epsilon: What is added to the variance.
        gamma: float32 array of the size of the last axis, or None for ones.
        beta: float32 array of the size of the last axis, or None for zeros.
        result: Name of the node that gives the result.
        absorbed: Names of the nodes that it stands for.
        dtype: Type of the result's elements.
    """

    name: str
    graph: Graph
    kind: Literal["layer", "rms"]
    x: str
    epsilon: float
    gamma: np.ndarray | None
    beta: np.ndarray | None
    result: str
    absorbed: tuple[str, ...]
    dtype: tf.DType


def find_normalizations(view: GraphView) -> tuple[list[Normalization], list[Unmatched]]:
    """Finds the normalizations of a graph.

    Args:
        view: The graph.

    Returns:
        ``(found, unmatched)``, each in the order of the graph. Unmatched are those whose values
        in between are read by something else.
    """
    found: list[Normalization] = []
    unmatched: list[Unmatched] = []
    taken: set[str] = set()
    for node in list(view.nodes.values()):
        if node.name in taken or node.op not in _ROOTS or view.is_constant(f"{node.name}:0"):
            continue
        read = _read(view, node)
        if isinstance(read, Normalization) and taken.isdisjoint(read.absorbed):
            found.append(read)
            taken |= set(read.absorbed)
        elif isinstance(read, Unmatched):
            unmatched.append(read)
    return found, unmatched


def _read(view: GraphView, node: NodeDef) -> Normalization | Unmatched | None:
    """The normalization that a root, or a batch normalization, is part of."""
    for base in dict.fromkeys(_bases(view, node)):
        shape = view.shape(base)
        if view.dtype(base) not in FLOATS or not shape.rank or shape[-1] is None:
            continue
        reader = MomentReader(view, base)
        if reader.read(f"{node.name}:0") is None or reader.spread is None:
            continue
        tensors = _grow(view, reader)
        candidates = [tensor for tensor in reversed(tensors) if _parts(reader, tensor) is not None]
        for tensor in candidates:
            nodes = _between(view, reader, tensor)
            if nodes is not None:
                return _made(view, reader, tensor, nodes)
        if candidates:
            reason = "its mean, variance or another value in between is read by something else"
            return Unmatched(_name(view, node, reader), view.graph, node.name, reason)
    return None


def _bases(view: GraphView, node: NodeDef) -> Iterator[str]:
    """Tensors that a root may be taken of the spread of, the likelier ones first."""
    if node.op in BATCH_NORMS:
        before = view.nodes[node_name(view.through_identities(view.data_inputs(node)[0]))]
        if before.op == "Reshape":
            yield view.through_identities(view.data_inputs(before)[0])
        return
    for square in list(_squares(view, node)):
        for tensor in map(view.through_identities, view.data_inputs(square)):
            inner = view.nodes[node_name(tensor)]
            if inner.op == "Sub":
                yield view.through_identities(view.data_inputs(inner)[0])
            yield tensor


def _squares(view: GraphView, root: NodeDef) -> Iterator[NodeDef]:
    """Nodes that square something whose mean a root may be taken of."""
    pending, seen = [root.name], {root.name}
    while pending and len(seen) < _MOST_NODES:
        node = view.nodes[pending.pop(0)]
        inputs = view.data_inputs(node)
        squares = node.op in _SQUARES or (node.op == "Mul" and len(set(inputs)) == 1)
        if squares and node.name != root.name:
            yield node
            continue
        for name in map(node_name, inputs):
            if name not in seen and not view.is_constant(f"{name}:0"):
                seen.add(name)
                pending.append(name)


def _grow(view: GraphView, reader: MomentReader) -> list[str]:
    """The tensors that are polynomials in x and its moments, those nearer to x first."""
    found: dict[str, None] = {}
    pending = [reader.base]
    pending += [tensor for tensor, known in reader.polynomials.items() if known is not None]
    while pending and len(found) < _MOST_NODES:
        tensor = pending.pop(0)
        for each in view.readers(tensor):
            result = f"{each.node.name}:0"
            if each.index == CONTROL or result in found or result == reader.base:
                continue
            if reader.read(result) is not None:
                found[result] = None
                pending.append(result)
    return list(found)


def _parts(reader: MomentReader, tensor: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Gamma and beta of a tensor that is a normalization; None for any other one."""
    rest: Polynomial = dict(reader.read(tensor) or {})
    gamma, beta = rest.pop(monomial(X, ROOT), None), rest.pop(monomial(), None)
    if gamma is None:
        return None
    if reader.spread is not None and reader.spread.centered:
        shift = rest.pop(monomial(MEAN, ROOT), None)
        if shift is None or not np.array_equal(shift, -gamma):
            return None
    if rest:
        return None
    return gamma, np.zeros_like(gamma) if beta is None else beta


def _between(view: GraphView, reader: MomentReader, end: str) -> set[str] | None:
    """The nodes from behind x to `end`; None if something else reads one of them."""
    nodes, pending = {node_name(end)}, [node_name(end)]
    while pending:
        node = view.nodes[pending.pop()]
        for tensor in view.data_inputs(node):
            known = reader.polynomials.get(tensor) is not None or node.op in BATCH_NORMS
            inner = known and tensor != reader.base and not view.is_constant(tensor)
            if inner and node_name(tensor) not in nodes and not _fills(view, tensor):
                nodes.add(node_name(tensor))
                pending.append(node_name(tensor))
    for name in nodes - {node_name(end)}:
        if view.is_output(f"{name}:0") or any(
            each.index == CONTROL or each.node.name not in nodes
            for each in view.readers(f"{name}:0")
        ):
            return None
    return nodes


def _fills(view: GraphView, tensor: str) -> bool:
    """Whether a tensor is the scale or offset of a batch normalization of rows."""
    return str(view.nodes[node_name(tensor)].op) == "Fill"


def _made(
    view: GraphView, reader: MomentReader, tensor: str, nodes: set[str]
) -> Normalization | None:
    parts, spread = _parts(reader, tensor), reader.spread
    assert parts is not None and spread is not None
    gamma, beta = (vector.astype(np.float32) for vector in parts)
    if not (np.isfinite(gamma).all() and np.isfinite(beta).all()):
        return None
    return Normalization(
        name=_name(view, view.nodes[node_name(tensor)], reader),
        graph=view.graph,
        kind="layer" if spread.centered else "rms",
        x=reader.base,
        epsilon=spread.epsilon,
        gamma=None if np.all(gamma == 1) else gamma,
        beta=None if np.all(beta == 0) else beta,
        result=node_name(tensor),
        absorbed=tuple(sorted(nodes)),
        dtype=view.dtype(tensor),
    )


def _name(view: GraphView, node: NodeDef, reader: MomentReader) -> str:
    """The layer's name, by the variable of its scale or offset if one is found."""
    names = [name for each in reader.constants for name in view.constants.variable_names(each)]
    return layer_name(view.state.layer_scope(node.name), view.state.layer_variable(names))
