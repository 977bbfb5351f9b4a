"""Lets a graph read a variable of the new model, also from inside of loops and branches.

A graph of a whole function captures a variable: a placeholder stands for its handle. The body of a
loop or branch captures nothing, so the graph that calls it captures the variable and hands the
handle in as one more argument of all functions of that op; a loop hands it out
again unchanged.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfsparse.conversion.control_flow import LOOPS
from tfsparse.conversion.graph import Graph, NodeDef

_TYPES = {"While": "T", "StatelessWhile": "T"}
"""The attribute that lists the types of arguments, where it is not ``Tin``."""


def read_variable(graph: Graph, variable: Any, name: str) -> str:
    """Adds a read of a variable to a graph, once.

    Args:
        graph: The graph. It is changed in place.
        variable: A `tf.Variable`.
        name: Wanted name of the read.

    Returns:
        Reference to the value.
    """
    handle = capture(graph, variable.handle, f"{name}/handle")
    for node in graph.nodes.values():
        if node.op == "ReadVariableOp" and node.input[0] == handle and len(node.input) == 1:
            return str(node.name)
    read = tf.compat.v1.NodeDef(name=graph.free_name(name), op="ReadVariableOp", input=[handle])
    read.attr["dtype"].type = variable.dtype.as_datatype_enum
    return graph.add(read)


def capture(graph: Graph, value: tf.Tensor, name: str) -> str:
    """Lets a graph capture a tensor of the model, once.

    Args:
        graph: The graph. It, and the graphs that call it, are changed in place.
        value: The tensor, such as the handle of a variable.
        name: Wanted name of the placeholder.

    Returns:
        Reference to the tensor.
    """
    if graph.caller is None:
        for known, captured in graph.captures.items():
            if captured is value:
                return known
        placeholder = _placeholder(graph, value, name)
        graph.captures[placeholder] = value
        return placeholder
    if id(value) not in graph.passed_in:
        outer, (owner, _) = graph.caller
        reference = capture(outer, value, name)
        _pass_in(outer, outer.nodes[owner], reference, value, name)
    return graph.passed_in[id(value)]


def _placeholder(graph: Graph, value: tf.Tensor, name: str) -> str:
    node = tf.compat.v1.NodeDef(name=graph.free_name(name), op="Placeholder")
    node.attr["dtype"].type = value.dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(value.shape.as_proto())
    return graph.add(node)


def _pass_in(graph: Graph, node: NodeDef, reference: str, value: tf.Tensor, name: str) -> None:
    """Hands a tensor to all functions of a loop, branch or call."""
    data = [ref for ref in node.input if not ref.startswith("^")]
    waits = [ref for ref in node.input if ref.startswith("^")]
    graph.replace_inputs(node.name, [*data, reference, *waits])
    node.attr[_TYPES.get(node.op, "Tin")].list.type.append(value.dtype.as_datatype_enum)
    shapes = node.attr["output_shapes"].list.shape if "output_shapes" in node.attr else None
    if node.op in LOOPS and shapes:
        shapes.add().CopyFrom(value.shape.as_proto())
    for (owner, slot), body in graph.bodies.items():
        if owner != node.name:
            continue
        argument = _placeholder(body, value, name)
        body.inputs.append(argument)
        body.passed_in[id(value)] = argument
        if node.op in LOOPS and slot == "body":
            body.outputs.append(f"{argument}:0")
