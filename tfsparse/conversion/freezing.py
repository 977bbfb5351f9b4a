"""Freezes a signature: a flat GraphDef with constants in place of variables.

What: calls are inlined and every variable becomes a ``Const`` of its value, which
is what makes weights visible to the matcher. TensorFlow has this as
``convert_variables_to_constants_v2``, a function outside its public API, and with
no way in it to leave some variables alone. This is the only module of tfsparse
that uses private TensorFlow API; when a new TensorFlow moves it, repair it here.

Why some variables stay: a GraphDef is a protobuf message and cannot exceed 2 GB,
and tables of embeddings do. A large variable that is read by gathers alone stays a
variable of the SavedModel. Everything else is counted before the conversion, so
that a model that is too large gets an error in words.

Contract: control flow stays functional (``While``, ``If``), with the products
inside it left as they are; resources that are not variables (lookup tables, queues) are refused.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from tfsparse.conversion.frozen_graph import FrozenGraph

GRAPH_LIMIT = 2**31 - 2**20
"""Bytes that the weights of a graph may take: 2 GB less room for the nodes."""

LARGE_TABLE = 64 * 2**20
"""Bytes from which a variable that only gathers read stays a variable."""

_GATHERS = {"ResourceGather", "ResourceGatherNd"}


def freeze(
    signature: Any, *, graph_limit: int = GRAPH_LIMIT, large_table: int = LARGE_TABLE
) -> FrozenGraph:
    """Freezes one signature of a loaded SavedModel.

    Args:
        signature: A `tf.ConcreteFunction` as found in ``loaded.signatures``.
        graph_limit: Bytes that the constants may take together.
        large_table: Bytes from which a variable read only by gathers is kept.

    Returns:
        The frozen graph.

    Raises:
        ValueError: If the signature reads a resource that is not a variable, or its
            constants would not fit in a GraphDef.
    """
    captured = _captured_variables(signature)
    kept = _tables_to_keep(signature, captured, large_table)
    _check_size(captured, kept, graph_limit)
    data = convert_to_constants._FunctionConverterDataInEager(
        func=signature,
        lower_control_flow=False,
        aggressive_inlining=False,
        variable_names_denylist=kept,
    )
    graph_def, _ = convert_to_constants._replace_variables_by_constants(data)
    inputs, input_nodes = _named_inputs(signature)
    return FrozenGraph(
        graph_def=graph_def,
        inputs=inputs,
        input_nodes=input_nodes,
        outputs=_named_outputs(signature),
        output_shapes={key: spec.shape for key, spec in signature.structured_outputs.items()},
        variables={node: captured[node] for node in kept},
        weight_names={
            node: _name(variable) for node, variable in captured.items() if node not in kept
        },
    )


def _captured_variables(signature: Any) -> dict[str, tf.Variable]:
    """Placeholder node to the variable that is captured through it."""
    by_handle = {id(variable.handle): variable for variable in signature.graph.variables}
    captured = {}
    for value, placeholder in signature.graph.captures:
        if id(value) in by_handle:
            captured[placeholder.op.name] = by_handle[id(value)]
        elif value.dtype in (tf.resource, tf.variant):
            raise ValueError(
                "`source` should hold no state other than variables: lookup tables and queues "
                "cannot be converted. Convert the part of the model that follows them. "
                f"Received: a captured resource named {placeholder.op.name!r}"
            )
    return captured


def _tables_to_keep(signature: Any, captured: dict[str, tf.Variable], large_table: int) -> set[str]:
    """Placeholders of large variables that nothing but gathers reads."""
    large = {node for node, variable in captured.items() if _size(variable) >= large_table}
    if not large:
        return set()
    inlined = convert_to_constants._run_inline_graph_optimization(signature, False, False)
    return {node for node in large if _only_gathered(inlined, node)}


def _only_gathered(graph_def: tf.compat.v1.GraphDef, source: str) -> bool:
    names, gathered = {source}, False
    grew = True
    while grew:
        grew = False
        for node in graph_def.node:
            if not any(name.split(":")[0] in names for name in node.input):
                continue
            if node.op == "Identity":
                grew |= node.name not in names
                names.add(node.name)
            elif node.op in _GATHERS:
                gathered = True
            else:
                return False
    return gathered


def _name(variable: tf.Variable) -> str:
    return str(variable.name).split(":")[0]


def _size(variable: tf.Variable) -> int:
    return int(math.prod(variable.shape.as_list()) * variable.dtype.size)


def _check_size(captured: dict[str, tf.Variable], kept: set[str], limit: int) -> None:
    sizes = {_name(v): _size(v) for node, v in captured.items() if node not in kept}
    if sum(sizes.values()) > limit:
        largest = max(sizes, key=lambda name: sizes[name])
        raise ValueError(
            f"`source` should have at most {limit} bytes of weights, because a TensorFlow graph "
            f"cannot exceed 2 GB. Received: {sum(sizes.values())} bytes, of which "
            f"{sizes[largest]} in {largest!r}"
        )


def _named_inputs(signature: Any) -> tuple[dict[str, tf.TensorSpec], dict[str, str]]:
    """Specs and placeholder nodes of the signature's inputs, by key."""
    specs = dict(sorted(signature.structured_input_signature[1].items()))
    captured = {placeholder.op.name for _, placeholder in signature.graph.captures}
    nodes = [tensor.op.name for tensor in signature.inputs if tensor.op.name not in captured]
    by_key = dict(zip(specs, nodes, strict=True))
    if set(nodes) == set(specs):
        by_key = {key: key for key in specs}
    return specs, by_key


def _named_outputs(signature: Any) -> dict[str, str]:
    keys = sorted(signature.structured_outputs)
    return dict(zip(keys, (tensor.name for tensor in signature.outputs), strict=True))
