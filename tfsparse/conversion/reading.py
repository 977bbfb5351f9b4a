"""Reads a function of a loaded SavedModel as a `Graph`, and makes functions of graphs again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfsparse.conversion.control_flow import FRAME_OPS
from tfsparse.conversion.equal_functions import Pairing
from tfsparse.conversion.graph import Graph, NodeDef
from tfsparse.conversion.importing import import_graph, placeholder_spec
from tfsparse.conversion.passes.inline import inline
from tfsparse.conversion.private_tensorflow import function_like

_SCOPE = "model"
"""Keeps the names of nodes apart from those of the function's own arguments."""


def read_concrete(function: Any) -> Graph:
    """Reads a function, with all calls in it inlined.

    Args:
        function: A `tf.ConcreteFunction`, such as a signature.

    Returns:
        The graph. Its captures are the tensors that the function captured.
    """
    graph_def = function.graph.as_graph_def()
    captures = {placeholder.op.name: value for value, placeholder in function.graph.captures}
    nodes: dict[str, NodeDef] = {node.name: node for node in graph_def.node}
    graph = Graph(
        nodes=nodes,
        inputs=[each.op.name for each in function.inputs if each.op.name not in captures],
        outputs=[each.name for each in function.outputs],
        control_outputs=[each.name for each in function.graph.control_outputs],
        captures=captures,
    )
    inline(graph, {each.signature.name: each for each in graph_def.library.function})
    # What neither a result nor an effect needs never runs: TF1's loader leaves much of it. What
    # was inlined stands at the end, behind what reads it.
    for each in list(graph.all_graphs()):
        each.prune()
        each.sort()
    return graph


def shared_function(graph: Graph) -> Any | None:
    """A function that runs a graph, for all functions of a model that do the same to call.

    TensorFlow inlines the call, so it costs nothing, and the graph is in the file once.

    Args:
        graph: The graph.

    Returns:
        A `tf.ConcreteFunction` of flat inputs and outputs. None where the graph has loops of TF1,
        whose effects TensorFlow cannot order.
    """
    if _orders_its_effects(graph):
        return None

    def converted(*inputs: tf.Tensor) -> list[tf.Tensor]:
        return run_graph(graph, inputs, graph.outputs)

    specs = [placeholder_spec(graph.nodes[name]) for name in graph.inputs]
    return tf.function(converted, autograph=False).get_concrete_function(*specs)


def function_of(graph: Graph, shared: Any | None, source: Any, pairing: Pairing) -> Any:
    """A function that runs a graph.

    Args:
        graph: The graph.
        shared: Its `shared_function`.
        source: The function that the graph was read from, or one that is equal to it.
        pairing: Which inputs and outputs of the graph are those of `source`.

    Returns:
        A `tf.ConcreteFunction` that is called as `source` is.
    """

    def run(*inputs: tf.Tensor) -> Sequence[tf.Tensor]:
        arguments = [inputs[place] for place in pairing.inputs]
        if shared is None:
            everything = run_graph(graph, arguments, graph.outputs)
        else:
            everything = shared(*arguments)
        results = [everything[place] for place in pairing.outputs]
        for result, declared in zip(results, source.outputs, strict=True):
            result.set_shape(declared.shape)
        return results

    ordered = _orders_its_effects(graph)
    effects = [f"{_SCOPE}/{name}" for name in graph.control_outputs] if ordered else None
    return function_like(source, run, effects)


def _orders_its_effects(graph: Graph) -> bool:
    return any(node.op in FRAME_OPS for node in graph.nodes.values())


def run_graph(graph: Graph, inputs: Sequence[tf.Tensor], tensors: Sequence[str]) -> list[tf.Tensor]:
    """Imports a graph into the function that is being traced.

    Args:
        graph: The graph.
        inputs: Its arguments.
        tensors: Names of the tensors to compute.

    Returns:
        The tensors.
    """
    feeds = dict(zip(graph.inputs, inputs, strict=True))
    for name, value in graph.captures.items():
        # An identity of a handle: to import it, it must be a tensor of this graph.
        feeds[name] = tf.identity(value)
    found: Mapping[str, tf.Tensor] = import_graph(graph, feeds, tensors, _SCOPE)
    return [tf.identity(found[tensor]) for tensor in tensors]
