"""Makes a function with named inputs and outputs out of a GraphDef."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfsparse.conversion.frozen_graph import FrozenGraph

_SCOPE = "model"
"""Keeps the GraphDef's node names apart from the function's own arguments."""


def graph_function(graph: FrozenGraph, outputs: Mapping[str, str] | None = None) -> Any:
    """Builds a concrete function that runs a frozen graph.

    Args:
        graph: The graph, its inputs and the variables that it still reads.
        outputs: Result key to tensor name; the graph's own outputs by default.

    Returns:
        A `tf.ConcreteFunction` that takes the graph's inputs as keyword arguments and
        returns a dict of tensors under the keys of `outputs`.
    """
    wanted = dict(graph.outputs if outputs is None else outputs)
    body = tf.compat.v1.GraphDef()
    body.CopyFrom(graph.graph_def)
    fed = {*graph.input_nodes.values(), *graph.variables}
    kept = [node for node in body.node if node.name not in fed]
    del body.node[:]
    body.node.extend(kept)
    used = _used_tensors(body)
    _define_functions(body)

    def run(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        feeds = {f"{node}:0": inputs[key] for key, node in graph.input_nodes.items()}
        for node, variable in graph.variables.items():
            feeds[f"{node}:0"] = tf.identity(variable.handle)
        computed = {name for name in wanted.values() if name not in feeds}
        names = sorted(computed)
        results = tf.graph_util.import_graph_def(
            body,
            input_map={name: tensor for name, tensor in feeds.items() if name in used},
            return_elements=names,
            name=_SCOPE,
        )
        tensors = feeds | dict(zip(names, results, strict=True))
        outcome = {key: tf.identity(tensors[name]) for key, name in wanted.items()}
        for key in outcome if outputs is None else ():
            outcome[key].set_shape(graph.output_shapes[key])
        return outcome

    specs = {
        key: tf.TensorSpec(spec.shape, spec.dtype, name=key) for key, spec in graph.inputs.items()
    }
    return tf.function(run, autograph=False).get_concrete_function(**specs)


def _define_functions(graph_def: tf.compat.v1.GraphDef) -> None:
    """Makes the bodies of loops and branches known to TensorFlow's eager runtime.

    Importing alone defines them in the graph, so that a call fails while a SavedModel made
    from it runs. Wrapping an import defines them everywhere.
    """
    if graph_def.library.function:
        bodies = tf.compat.v1.GraphDef(library=graph_def.library, versions=graph_def.versions)
        tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(bodies, name=""), signature=[]
        )


def _used_tensors(graph_def: tf.compat.v1.GraphDef) -> set[str]:
    """Tensors that a node of the graph reads; a map from others would be an error."""
    names = {name for node in graph_def.node for name in node.input if name[0] != "^"}
    return {name if ":" in name else f"{name}:0" for name in names}
