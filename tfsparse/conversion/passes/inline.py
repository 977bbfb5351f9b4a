"""Inlines calls, so that a product and what follows it stand in one graph.

TensorFlow has an inliner, in its graph optimizer. It leaves alone what is marked ``noinline`` or
``jit_compile``, it fails on graphs that a TF1 loader has cut out of larger ones, and it
names nodes in a way that hides which layer they belong to.

Order is kept where it matters: every node of the function that has an effect waits for what the
call
waited for, and who waited for the call now waits for the function's results and for what must run.

A function with ``jit_compile`` is inlined where a product or convolution is inside, for the op that
takes its place cannot be compiled by XLA; any other one stays a call, as fast as it was.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfsparse.conversion.control_flow import CALLS, body_key, function_slots, has_bodies
from tfsparse.conversion.function_def import Library, is_stateful, read_function
from tfsparse.conversion.graph import Graph, NodeDef, node_name, reference_of, tensor_name
from tfsparse.conversion.passes.unfuse import unfuse

PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Conv2D", "Einsum"}

_COMPILED = "_XlaMustCompile"


def inline(graph: Graph, library: Library) -> None:
    """Inlines all calls in a graph, and opens the bodies of its loops and branches.

    Args:
        graph: The graph. It is changed in place.
        library: The functions that it calls.
    """
    graph.library = dict(library)
    for name in list(graph.nodes):
        node = graph.nodes[name]
        called = _called(node, library)
        if called is not None:
            body = read_function(library[called], library)
            inline(body, library)
            if _is_compiled(node, library[called]):
                unfuse(body)
            _splice(graph, node, body)
        elif has_bodies(node):
            for slot in function_slots(node):
                body = read_function(library[slot.name], library)
                inline(body, library)
                body.caller = (graph, body_key(name, slot))
                graph.bodies[body_key(name, slot)] = body


def _called(node: NodeDef, library: Library) -> str | None:
    """The function that a node calls, if the call is to be inlined."""
    if node.op in library:
        return str(node.op)
    if node.op not in CALLS:
        return None
    name = str(node.attr["f"].func.name)
    compiled = _is_compiled(node, library[name])
    return None if compiled and not _has_products(name, library) else name


def _is_compiled(call: NodeDef, function: Any) -> bool:
    return any(_COMPILED in each.attr and each.attr[_COMPILED].b for each in (call, function))


def _has_products(name: str, library: Library) -> bool:
    seen, pending = {name}, [name]
    while pending:
        for node in library[pending.pop()].node_def:
            if node.op in PRODUCTS:
                return True
            called = [node.op] if node.op in library else []
            for function in [*called, *(slot.name for slot in function_slots(node))]:
                if function not in seen:
                    seen.add(function)
                    pending.append(function)
    return False


def _splice(graph: Graph, call: NodeDef, body: Graph) -> None:
    """Puts the nodes of a function in the place of its call."""
    names = _free_names(graph, call, body)
    data = [ref for ref in call.input if not ref.startswith("^")]
    waits = [ref for ref in call.input if ref.startswith("^")]
    arguments = dict(zip(body.inputs, data, strict=True))

    def outer(reference: str) -> str | None:
        source = node_name(reference)
        if source not in arguments:
            marked, rest = ("^" if reference[0] == "^" else ""), reference.lstrip("^")
            return marked + names[source] + rest.removeprefix(source)
        return None if reference.startswith("^") else arguments[source]

    effects = [node for node in body.nodes.values() if is_stateful(node, graph.library)]
    for node in body.nodes.values():
        if node.name in arguments:
            continue
        references = [ref for ref in map(outer, node.input) if ref is not None]
        if is_stateful(node, graph.library):
            references += [ref for ref in waits if ref not in references]
        _move(graph, body, node, names[node.name], references)
    del graph.nodes[call.name]
    results = [tensor_name(_known(outer(reference_of(tensor)))) for tensor in body.outputs]
    # A function is over when its results are there and what must run has run.
    waits = [*(names[name] for name in body.control_outputs), *map(node_name, results)]
    done = _after(graph, call.name, list(dict.fromkeys(waits))) if effects else None
    _redirect(graph, call.name, results, done)


def _free_names(graph: Graph, call: NodeDef, body: Graph) -> dict[str, str]:
    """Names for the nodes of a function where it is called, none of them given twice."""
    names: dict[str, str] = {}
    given: set[str] = set()
    for name in body.nodes:
        names[name] = graph.free_name(f"{call.name}/{name}", given)
        given.add(names[name])
    return names


def _known(reference: str | None) -> str:
    assert reference is not None
    return reference


def _move(graph: Graph, body: Graph, node: NodeDef, name: str, references: list[str]) -> None:
    old = str(node.name)
    _keep_shared_name(node)
    node.name = name
    del node.input[:]
    node.input.extend(references)
    graph.nodes[name] = node
    for (owner, slot), inner in list(body.bodies.items()):
        if owner == old:
            inner.caller = (graph, (name, slot))
            graph.bodies[name, slot] = inner


def _keep_shared_name(node: NodeDef) -> None:
    """A table or variable that is known by its node's name goes on being known by it."""
    private = "use_node_name_sharing" in node.attr and not node.attr["use_node_name_sharing"].b
    if "shared_name" in node.attr and not node.attr["shared_name"].s and not private:
        node.attr["shared_name"].s = node.name.encode()


def _after(graph: Graph, call: str, effects: list[str]) -> str:
    """A node that waits for others."""
    waits = [f"^{name}" for name in effects]
    return graph.add(
        tf.compat.v1.NodeDef(name=graph.free_name(f"{call}/done"), op="NoOp", input=waits)
    )


def _redirect(graph: Graph, call: str, results: list[str], done: str | None) -> None:
    """Lets everything that read a call read what the function gives."""
    for node in graph.nodes.values():
        if any(node_name(reference) == call for reference in node.input):
            references = []
            for reference in node.input:
                if node_name(reference) != call:
                    references.append(reference)
                elif not reference.startswith("^"):
                    place = int(tensor_name(reference).split(":")[1])
                    references.append(reference_of(results[place]))
                elif done is not None:
                    references.append(f"^{done}")
            del node.input[:]
            node.input.extend(references)
    graph.outputs = [
        results[int(tensor.split(":")[1])] if node_name(tensor) == call else tensor
        for tensor in graph.outputs
    ]
    after = [] if done is None else [done]
    graph.control_outputs = [
        each for name in graph.control_outputs for each in (after if name == call else [name])
    ]
