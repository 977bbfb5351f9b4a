"""Drops what loops, branches and calls are given and do not use.

When a product inside of a loop reads packed weights, its dense ones are an argument that nothing
reads any more. A variable of a loop that has one value in all rounds, which neither the
condition nor the body reads, and whose last value nobody asks for, goes; an argument of branches
goes that none of them reads.
"""

from __future__ import annotations

from collections.abc import Collection

from tfsparse.conversion.control_flow import LOOPS, first_argument, is_invariant
from tfsparse.conversion.graph import Graph, NodeDef, node_name, reference_of, tensor_name

_LISTS = {"While": "T", "StatelessWhile": "T"}


def drop_arguments(graph: Graph) -> None:
    """Drops unused arguments of all bodies in a graph.

    Args:
        graph: A graph of which nothing is left over (see `Graph.prune`). It is changed in place.
    """
    for body in graph.bodies.values():
        drop_arguments(body)
    for name in dict.fromkeys(owner for owner, _ in graph.bodies):
        node = graph.nodes[name]
        count = len([ref for ref in node.input if not ref.startswith("^")]) - first_argument(node)
        for place in reversed(range(count)):
            if _is_unused(graph, node, place):
                _drop(graph, node, place)


def _bodies(graph: Graph, node: NodeDef) -> dict[str, Graph]:
    return {slot: body for (owner, slot), body in graph.bodies.items() if owner == node.name}


def _is_unused(graph: Graph, node: NodeDef, place: int) -> bool:
    bodies = _bodies(graph, node)
    if node.op in LOOPS:
        if not is_invariant(graph, node.name, place) or _is_read(graph, f"{node.name}:{place}"):
            return False
        # That the body hands it on is no use.
        passed = _passing(bodies["body"], place)
        return not any(
            _is_read(body, f"{body.inputs[place]}:0", passed if slot == "body" else set(), place)
            for slot, body in bodies.items()
        )
    return not any(_is_read(body, f"{body.inputs[place]}:0") for body in bodies.values())


def _passing(body: Graph, place: int) -> set[str]:
    """The identities through which the body of a loop hands a variable on."""
    names: set[str] = set()
    node = body.nodes[node_name(body.outputs[place])]
    while node.op == "Identity":
        names.add(node.name)
        node = body.nodes[node_name(node.input[0])]
    return names


def _is_read(
    graph: Graph, tensor: str, passing: Collection[str] = (), place: int | None = None
) -> bool:
    """Whether a tensor is read other than by `passing`, or returned elsewhere than at `place`."""
    returned = any(output == tensor for index, output in enumerate(graph.outputs) if index != place)
    return returned or any(
        not reference.startswith("^") and tensor_name(reference) == tensor
        for node in graph.nodes.values()
        if node.name not in passing
        for reference in node.input
    )


def _drop(graph: Graph, node: NodeDef, place: int) -> None:
    name = str(node.name)
    position = place + first_argument(node)
    graph.replace_inputs(name, [ref for i, ref in enumerate(node.input) if i != position])
    del node.attr[_LISTS.get(node.op, "Tin")].list.type[place]
    if "output_shapes" in node.attr and node.op in LOOPS:
        shapes = node.attr["output_shapes"].list.shape
        if place < len(shapes):
            del shapes[place]
    for slot, body in _bodies(graph, node).items():
        if node.op in LOOPS and slot == "body":
            del body.outputs[place]
        del body.inputs[place]
        body.prune()
    if node.op in LOOPS:
        _renumber(graph, name, place)


def _renumber(graph: Graph, loop: str, place: int) -> None:
    """The results of a loop behind one that is gone have other numbers."""

    def moved(tensor: str) -> str:
        source, _, index = tensor.partition(":")
        return f"{source}:{int(index) - 1}" if source == loop and int(index) > place else tensor

    for node in graph.nodes.values():
        if any(node_name(reference) == loop for reference in node.input):
            references = [
                ref if ref.startswith("^") else reference_of(moved(tensor_name(ref)))
                for ref in node.input
            ]
            graph.replace_inputs(node.name, references)
    graph.outputs = [moved(tensor) for tensor in graph.outputs]
