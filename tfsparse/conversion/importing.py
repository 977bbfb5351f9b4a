"""Puts a `Graph` into TensorFlow: into the graph that is being built at the moment.

The bodies of loops and branches are written back as functions, which are named by what they hold.
So a body that was changed is never taken for the one it was made from, and one that is imported
again, in the next conversion too, is no new function to TensorFlow, which forgets none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfsparse.conversion.control_flow import function_slots
from tfsparse.conversion.function_def import definition, write_function
from tfsparse.conversion.graph import Graph, NodeDef, node_name, tensor_name

_BODY = "tfsparse_body"


def import_graph(
    graph: Graph, feeds: Mapping[str, tf.Tensor], tensors: Sequence[str], name: str
) -> dict[str, tf.Tensor]:
    """Imports a graph.

    Args:
        graph: The graph.
        feeds: Name of a placeholder (arguments and captures) to the tensor in its place.
        tensors: Names of tensors of the graph to give back.
        name: Scope of the nodes.

    Returns:
        Dict of tensor name to tensor, in the order of `tensors`.
    """
    body = _graph_def(graph, feeds)
    used = {tensor_name(ref) for node in body.node for ref in node.input if ref[0] != "^"}
    fed = {f"{name}:0": tensor for name, tensor in feeds.items()}
    computed = sorted({tensor for tensor in tensors if tensor not in fed})
    effects = [effect for effect in graph.control_outputs if effect not in feeds]
    results = tf.graph_util.import_graph_def(
        body,
        input_map={tensor: value for tensor, value in fed.items() if tensor in used},
        return_elements=[*computed, *effects],
        name=name,
    )
    known = fed | dict(zip(computed, results[: len(computed)], strict=True))
    return {tensor: known[tensor] for tensor in tensors}


def _graph_def(graph: Graph, feeds: Mapping[str, Any]) -> tf.compat.v1.GraphDef:
    result = tf.compat.v1.GraphDef()
    result.versions.producer = tf.compat.v1.GRAPH_DEF_VERSION
    nodes, functions = written(graph)
    for node in nodes:
        if node.name not in feeds:
            result.node.append(node)
            _drop_fed_controls(result.node[-1], feeds)
    result.library.function.extend(functions)
    _define(functions)
    return result


def _drop_fed_controls(node: NodeDef, feeds: Mapping[str, Any]) -> None:
    kept = [ref for ref in node.input if ref[0] != "^" or node_name(ref) not in feeds]
    if len(kept) != len(node.input):
        del node.input[:]
        node.input.extend(kept)


def written(graph: Graph) -> tuple[list[NodeDef], list[Any]]:
    """The nodes of a graph, and the functions that they need, bodies among them."""
    nodes: list[NodeDef] = []
    functions: dict[str, Any] = {}
    for node in graph.nodes.values():
        if not any(owner == node.name for owner, _ in graph.bodies):
            nodes.append(node)
            functions |= _closure([node], graph.library)
            continue
        copy = tf.compat.v1.NodeDef()
        copy.CopyFrom(node)
        for slot in function_slots(copy):
            body = graph.bodies.get((node.name, slot.key))
            if body is None:
                functions |= _closure([node], graph.library)
                continue
            inner, needed = written(body)
            functions |= {each.signature.name: each for each in needed}
            standing = Graph({each.name: each for each in inner}, body.inputs, body.outputs)
            standing.control_outputs = body.control_outputs
            types = _types(body)
            function = write_function(standing, _BODY, body.library, types.__getitem__)
            content = function.SerializeToString(deterministic=True)
            name = f"{_BODY}_{hashlib.sha256(content).hexdigest()[:32]}"
            function.signature.name = name
            functions[name] = function
            slot.function.name = name
        nodes.append(copy)
    return nodes, list(functions.values())


def _types(graph: Graph) -> dict[str, tf.DType]:
    """Types of the tensors that a graph returns."""
    return {tensor: tensor_type(graph, tensor) for tensor in graph.outputs}


def placeholder_spec(node: NodeDef) -> tf.TensorSpec:
    """What a placeholder's node says of the tensor that it stands for."""
    shape = node.attr["shape"].shape if "shape" in node.attr else None
    return tf.TensorSpec(shape, tf.as_dtype(node.attr["dtype"].type))


def tensor_type(graph: Graph, tensor: str) -> tf.DType:
    """The type of a tensor, from the attributes of the node that makes it."""
    return result_types(graph, node_name(tensor))[int(tensor.split(":")[1])]


def result_types(graph: Graph, name: str) -> list[tf.DType]:
    """The types of all results of a node."""
    node = graph.nodes[name]
    if node.op == "Placeholder":
        return [tf.as_dtype(node.attr["dtype"].type)]
    types: list[int] = []
    for output in definition(node, graph.library).output_arg:
        if output.type_list_attr:
            types += list(node.attr[output.type_list_attr].list.type)
        else:
            type_ = node.attr[output.type_attr].type if output.type_attr else output.type
            count = int(node.attr[output.number_attr].i) if output.number_attr else 1
            types += [type_] * count
    return [tf.as_dtype(each) for each in types]


def _closure(nodes: Iterable[NodeDef], library: Mapping[str, Any]) -> dict[str, Any]:
    """Functions that nodes need, directly or through others."""
    found: dict[str, Any] = {}
    pending = list(nodes)
    while pending:
        node = pending.pop()
        called = [slot.name for slot in function_slots(node)]
        called += [node.op] if node.op in library else []
        for name in called:
            if name in library and name not in found:
                found[name] = library[name]
                pending += library[name].node_def
    return found


def _define(functions: Sequence[Any]) -> None:
    """Makes functions known to TensorFlow's eager runtime.

    Importing alone defines them in the graph, so that a call fails while a SavedModel made
    from it runs. Wrapping an import defines them everywhere.
    """
    if functions:
        bodies = tf.compat.v1.GraphDef()
        bodies.versions.producer = tf.compat.v1.GRAPH_DEF_VERSION
        bodies.library.function.extend(functions)
        tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(bodies, name=""), signature=[]
        )
