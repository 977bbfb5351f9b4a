"""Drops what a graph does not need, so that dense weights do not linger.

Functions make their results wait, by control edges, for everything that they called, reads
of variables included. To wait for a read of a variable that never changes is pointless, and yet
it would keep the weights of a replaced layer in the file.
"""

from __future__ import annotations

from tfsparse.conversion.function_def import is_stateful
from tfsparse.conversion.graph import Graph, NodeDef, node_name, reference_of, tensor_name
from tfsparse.conversion.passes.drop_arguments import drop_arguments
from tfsparse.conversion.state import State

_NOTES = ("_class", "_gradient_op_type", "_output_shapes")
"""Attributes that say nothing of what is computed: ties of place to nodes that may be gone (all
of it runs on one device), gradients, and shapes that a changed graph may not have any more."""


def clean(graph: Graph, state: State) -> None:
    """Removes pointless control edges, notes, and nodes that nothing depends on.

    Args:
        graph: A graph. It and its bodies are changed in place.
        state: The model's variables.
    """
    for body in graph.bodies.values():
        clean(body, state)
    _bypass_lists_of_identities(graph)
    effects = _nodes_with_effects(graph, state)
    for node in graph.nodes.values():
        node.ClearField("experimental_debug_info")
        for note in _NOTES:
            if note in node.attr:
                del node.attr[note]
        waits = state.is_constant_read(graph, node)
        kept = [
            ref
            for ref in node.input
            if not ref.startswith("^") or (ref[1:] in effects and not waits)
        ]
        if len(kept) != len(node.input):
            del node.input[:]
            node.input.extend(kept)
    graph.control_outputs = [name for name in graph.control_outputs if name in effects]
    graph.prune()
    if graph.bodies:
        drop_arguments(graph)
        graph.prune()


def _bypass_lists_of_identities(graph: Graph) -> None:
    """Lets who reads an ``IdentityN`` read what it passes on.

    A function with a gradient of its own hands its inputs on beside its result, so that the
    gradient can see them; one that is read would keep all of them.
    """
    for name in [node.name for node in graph.nodes.values() if node.op == "IdentityN"]:
        node = graph.nodes[name]
        if any(reference.startswith("^") for reference in node.input):
            continue
        passed = [tensor_name(reference) for reference in node.input]
        for reader in graph.nodes.values():
            if any(node_name(ref) == name and ref[0] != "^" for ref in reader.input):
                references = [
                    reference_of(passed[int(tensor_name(ref).split(":")[1])])
                    if ref[0] != "^" and node_name(ref) == name
                    else ref
                    for ref in reader.input
                ]
                graph.replace_inputs(reader.name, references)
        graph.outputs = [
            passed[int(tensor.split(":")[1])] if node_name(tensor) == name else tensor
            for tensor in graph.outputs
        ]


def _nodes_with_effects(graph: Graph, state: State) -> set[str]:
    """Nodes that are stateful or depend on one that is."""
    effects = {node.name for node in graph.nodes.values() if _has_effect(graph, node, state)}
    readers: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        for reference in node.input:
            readers.setdefault(node_name(reference), []).append(node.name)
    pending = list(effects)
    while pending:
        for reader in readers.get(pending.pop(), []):
            if reader not in effects and not state.is_constant_read(graph, graph.nodes[reader]):
                effects.add(reader)
                pending.append(reader)
    return effects


def _has_effect(graph: Graph, node: NodeDef, state: State) -> bool:
    if state.is_constant_read(graph, node) or not is_stateful(node, graph.library):
        return False
    bodies = [body for (owner, _), body in graph.bodies.items() if owner == node.name]
    if not bodies:
        return True
    return any(_has_effect(body, inner, state) for body in bodies for inner in body.nodes.values())
