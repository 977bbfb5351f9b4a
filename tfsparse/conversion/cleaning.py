"""Drops what a frozen graph does not need, so that dense weights do not linger.

Functions make their results wait, by control edges, for everything that was called,
reads of variables included. In a frozen graph a wait for a node without effects is
pointless, yet it would keep the dense weights of a replaced layer in the file.
"""

from __future__ import annotations

import tensorflow as tf

from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_view import GraphView, node_name

_COLOCATION = "_class"
"""Attribute that ties a node's place to a node that may be gone; all of it runs on the CPU."""


def clean(graph: FrozenGraph) -> FrozenGraph:
    """Removes pointless control edges and notes, then nodes that no output depends on.

    The notes are ties of place to other nodes and the names of functions that were
    inlined; the latter differ between equal signatures.

    Args:
        graph: A frozen graph. It is not changed.

    Returns:
        A graph with the same signature, results and effects.
    """
    view = GraphView(graph)
    effects = _nodes_with_effects(view)
    cleaned = tf.compat.v1.GraphDef()
    cleaned.CopyFrom(graph.graph_def)
    for node in cleaned.node:
        node.ClearField("experimental_debug_info")
        if _COLOCATION in node.attr:
            del node.attr[_COLOCATION]
        kept = [ref for ref in node.input if not ref.startswith("^") or ref[1:] in effects]
        if len(kept) != len(node.input):
            del node.input[:]
            node.input.extend(kept)
    roots = {node_name(tensor) for tensor in graph.outputs.values()}
    return graph.with_graph_def(cleaned).reduced_to(roots)


def _nodes_with_effects(view: GraphView) -> set[str]:
    """Nodes that are stateful or depend on one that is."""
    effects = {node.name for node in view.nodes.values() if view.is_stateful(node)}
    effects -= set(view.graph.input_nodes.values())
    pending = list(effects)
    readers: dict[str, list[str]] = {}
    for node in view.nodes.values():
        for reference in node.input:
            readers.setdefault(node_name(reference), []).append(node.name)
    while pending:
        for reader in readers.get(pending.pop(), []):
            if reader not in effects:
                effects.add(reader)
                pending.append(reader)
    return effects
