"""Puts what a Python function of TensorFlow ops consists of into a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfsparse.conversion.graph import Graph, node_name, reference_of
from tfsparse.conversion.reading import read_concrete


def splice(
    graph: Graph,
    scope: str,
    function: Callable[..., Any],
    arguments: Sequence[str],
    specs: Sequence[tf.TensorSpec],
) -> list[str]:
    """Traces a function and adds its nodes to a graph.

    Args:
        graph: The graph. It is changed in place.
        scope: Scope of the new nodes.
        function: A function of tensors that gives one tensor or several, without state.
        arguments: References to the tensors of the graph that it is applied to.
        specs: What is known of each of them.

    Returns:
        References to what the function gives.
    """
    body = read_concrete(tf.function(function, autograph=False).get_concrete_function(*specs))
    given = dict(zip(body.inputs, arguments, strict=True))
    inner = [node for node in body.nodes.values() if node.name not in given]
    names = {node.name: graph.free_name(f"{scope}/{node.name}") for node in inner}

    def outer(reference: str) -> str:
        source = node_name(reference)
        return given.get(source) or reference.replace(source, names[source], 1)

    for node in inner:
        copy = tf.compat.v1.NodeDef()
        copy.CopyFrom(node)
        copy.name = names[node.name]
        del copy.input[:]
        copy.input.extend(outer(reference) for reference in node.input)
        graph.add(copy)
    return [outer(reference_of(tensor)) for tensor in body.outputs]
