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

Contract: control flow stays functional (``While``, ``If``), with the products inside it
left as they are. Resources that are not variables (lookup tables, queues) and variables that
change while the model serves are refused.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from tfsparse.conversion.frozen_graph import FrozenGraph

GRAPH_LIMIT = 2**31 - 2**20
"""Bytes that the weights of a graph may take: 2 GB less room for the nodes."""

LARGE_TABLE = 64 * 2**20
"""Bytes from which a variable that only gathers read stays a variable."""

_GATHERS = {"ResourceGather", "ResourceGatherNd"}
_CHANGES = re.compile("Assign|Resource(Scatter|Apply|SparseApply)|Rng|Stateful(?!PartitionedCall)")


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
        ValueError: If the signature reads a resource that is not a variable, changes a
            variable, has an input name that is no identifier, cannot be frozen for
            another reason, or its constants would not fit in a GraphDef.
    """
    inputs, input_nodes = _named_inputs(signature)
    captured = _captured_variables(signature)
    inlined = _inlined(signature)
    readers = {node: _reading_ops(inlined, node) for node in captured}
    _check_readers(captured, readers)
    kept = {
        node
        for node, variable in captured.items()
        if _size(variable) >= large_table and readers[node] and readers[node] <= _GATHERS
    }
    _check_size([variable for node, variable in captured.items() if node not in kept], graph_limit)
    return FrozenGraph(
        graph_def=_with_constants(signature, kept),
        inputs=inputs,
        input_nodes=input_nodes,
        outputs=_named_outputs(signature),
        output_shapes={key: spec.shape for key, spec in signature.structured_outputs.items()},
        variables={node: captured[node] for node in kept},
        weight_names=_weight_names(captured, kept),
    )


def _inlined(signature: Any) -> tf.compat.v1.GraphDef:
    return convert_to_constants._run_inline_graph_optimization(
        signature, lower_control_flow=False, aggressive_inlining=False
    )


def _with_constants(signature: Any, kept: set[str]) -> tf.compat.v1.GraphDef:
    try:
        data = convert_to_constants._FunctionConverterDataInEager(
            func=signature,
            lower_control_flow=False,
            aggressive_inlining=False,
            variable_names_denylist=kept,
        )
        graph_def, _ = convert_to_constants._replace_variables_by_constants(data)
    except (ValueError, TypeError, KeyError, NotImplementedError, tf.errors.OpError) as error:
        raise ValueError(
            "`source` should be a model whose variables TensorFlow can turn into constants. "
            f"Received: a model for which it says: {error}"
        ) from error
    return graph_def


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


def _reading_ops(graph_def: tf.compat.v1.GraphDef, source: str) -> set[str]:
    """Types of the ops that take a resource, identities passed through."""
    readers: dict[str, list[Any]] = {}
    for node in graph_def.node:
        for reference in node.input:
            if not reference.startswith("^"):
                readers.setdefault(reference.split(":")[0], []).append(node)
    found, pending = set(), [source]
    while pending:
        for node in readers.get(pending.pop(), []):
            if node.op == "Identity":
                pending.append(node.name)
            else:
                found.add(node.op)
    return found


def _check_readers(captured: dict[str, tf.Variable], readers: dict[str, set[str]]) -> None:
    for node, variable in captured.items():
        changing = sorted(op for op in readers[node] if _CHANGES.match(op))
        if changing:
            raise ValueError(
                "`source` should not change its variables while it serves, because they become "
                f"constants. Received: {changing[0]} on the variable {_name(variable)!r}"
            )


def _weight_names(captured: dict[str, tf.Variable], kept: set[str]) -> dict[str, str]:
    """Names of the variables that became constants; a name that two have says nothing."""
    names = {node: _name(variable) for node, variable in captured.items()}
    counts = Counter(names.values())
    return {node: name for node, name in names.items() if node not in kept and counts[name] == 1}


def _name(variable: tf.Variable) -> str:
    return str(variable.name).split(":")[0]


def _size(variable: tf.Variable) -> int:
    return int(math.prod(variable.shape.as_list()) * variable.dtype.size)


def _check_size(variables: Sequence[tf.Variable], limit: int) -> None:
    total = sum(map(_size, variables))
    if total > limit:
        largest = max(variables, key=_size)
        raise ValueError(
            f"`source` should have at most {limit} bytes of weights, because a TensorFlow graph "
            f"cannot exceed 2 GB. Received: {total} bytes, of which {_size(largest)} in "
            f"{_name(largest)!r}"
        )


def _named_inputs(signature: Any) -> tuple[dict[str, tf.TensorSpec], dict[str, str]]:
    """Specs and placeholder nodes of the signature's inputs, by key."""
    specs = dict(sorted(signature.structured_input_signature[1].items()))
    strange = [key for key in specs if not key.isidentifier()]
    if strange:
        raise ValueError(
            "`source` should have inputs whose names are identifiers, because TensorFlow cannot "
            f"write others. Received: {strange}"
        )
    captured = {placeholder.op.name for _, placeholder in signature.graph.captures}
    nodes = [tensor.op.name for tensor in signature.inputs if tensor.op.name not in captured]
    return specs, dict(zip(signature._arg_keywords, nodes, strict=True))


def _named_outputs(signature: Any) -> dict[str, str]:
    keys = sorted(signature.structured_outputs)
    return dict(zip(keys, (tensor.name for tensor in signature.outputs), strict=True))
