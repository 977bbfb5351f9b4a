"""Reads a `FunctionDef` as a `Graph`, and writes one as a `FunctionDef`.

The two differ in how a tensor is named. A graph says ``node:3``, the third output counted
from 0. A function says ``node:values:1``, by the name of the op's output and the place in
its list, and an argument goes by its bare name. An op's definition says how many tensors each of
its outputs has: one, as many as an attribute says, or one for each type in a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from tfsparse.conversion.graph import Graph, NodeDef, node_name, tensor_name
from tfsparse.conversion.private_tensorflow import OpDef, op_def

FunctionDef = Any
"""`FunctionDef` of TensorFlow."""

Library = Mapping[str, FunctionDef]


def read_function(function: FunctionDef, library: Library) -> Graph:
    """Reads a function. Calls in it are left as they are.

    Args:
        function: The function.
        library: Functions that it may call by using their names as ops.

    Raises:
        ValueError: If it has an op that is not registered.
    """
    nodes: dict[str, NodeDef] = {}
    for argument in function.signature.input_arg:
        node = tf.compat.v1.NodeDef(name=argument.name, op="Placeholder")
        node.attr["dtype"].type = argument.type
        nodes[node.name] = node
    starts = {node.name: dict(_starts(node, library)) for node in function.node_def}

    def flat(reference: str) -> str:
        if reference.startswith("^") or ":" not in reference:
            return reference
        name, output, index = reference.split(":")
        place = starts[name][output] + int(index)
        return f"{name}:{place}" if place else name

    for original in function.node_def:
        node = tf.compat.v1.NodeDef()
        node.CopyFrom(original)
        references = [flat(reference) for reference in original.input]
        del node.input[:]
        node.input.extend(references)
        nodes[node.name] = node
    return Graph(
        nodes=nodes,
        inputs=[argument.name for argument in function.signature.input_arg],
        outputs=[
            tensor_name(flat(function.ret[output.name])) for output in function.signature.output_arg
        ],
        control_outputs=sorted(set(function.control_ret.values())),
    )


def write_function(
    graph: Graph, name: str, library: Library, type_of: Callable[[str], tf.DType]
) -> FunctionDef:
    """Writes a graph as a function.

    Args:
        graph: A graph without captures; the functions that its loops and branches name have
            been written before.
        name: Name of the function.
        library: Functions that it may call by using their names as ops.
        type_of: Gives the type of a tensor that the graph returns.
    """
    function = tf.compat.v1.GraphDef().library.function.add()
    function.signature.name = name
    arguments = set(graph.inputs)
    starts = {
        node.name: list(_starts(node, library))
        for node in graph.nodes.values()
        if node.name not in arguments
    }

    def named(reference: str) -> str:
        source = node_name(reference)
        if reference.startswith("^"):
            return reference
        if source in arguments:
            return source
        place = int(tensor_name(reference).split(":")[1])
        output, start = next(each for each in reversed(starts[source]) if each[1] <= place)
        return f"{source}:{output}:{place - start}"

    for argument in graph.inputs:
        type_ = graph.nodes[argument].attr["dtype"].type
        function.signature.input_arg.add(name=argument, type=type_)
    for node in graph.nodes.values():
        if node.name not in arguments:
            copy = function.node_def.add()
            copy.CopyFrom(node)
            del copy.input[:]
            copy.input.extend(
                named(reference)
                for reference in node.input
                if not (reference.startswith("^") and node_name(reference) in arguments)
            )
    for index, output in enumerate(graph.outputs):
        key = f"output_{index}"
        function.signature.output_arg.add(name=key, type=type_of(output).as_datatype_enum)
        function.ret[key] = named(output)
    for effect in graph.control_outputs:
        function.signature.control_output.append(effect)
        function.control_ret[effect] = effect
    stateful = any(is_stateful(node, library) for node in graph.nodes.values())
    function.signature.is_stateful = stateful
    return function


def definition(node: NodeDef, library: Library) -> OpDef:
    """The definition of a node's op, which may be the name of a function.

    Raises:
        ValueError: If there is no such op.
    """
    found = library[node.op].signature if node.op in library else op_def(node.op)
    if found is None:
        raise ValueError(
            "`source` should consist of ops that are registered; a library of custom ops has to "
            f"be loaded before. Received: op {node.op!r} at node {node.name!r}"
        )
    return found


def is_stateful(node: NodeDef, library: Library) -> bool:
    """Whether a node has effects or results beyond its inputs."""
    return node.op != "Placeholder" and bool(definition(node, library).is_stateful)


def output_count(node: NodeDef, library: Library) -> int:
    """How many tensors a node gives."""
    return sum(_tensors(output, node) for output in definition(node, library).output_arg)


def _starts(node: NodeDef, library: Library) -> Iterator[tuple[str, int]]:
    """Each output of a node that holds a tensor, and the number of its first tensor."""
    start = 0
    for output in definition(node, library).output_arg:
        yield output.name, start
        start += _tensors(output, node)


def _tensors(output: Any, node: NodeDef) -> int:
    if output.number_attr:
        return int(node.attr[output.number_attr].i)
    if output.type_list_attr:
        return len(node.attr[output.type_list_attr].list.type)
    return 1
