"""Makes variables of references, which graphs of TF1 hold their weights in.

A node ``VariableV2`` is a variable: its value lives in the process, under the name of the
node, and a SavedModel of version 2 would not save it. Where such a node is only read, a variable
with its value takes its place, which is then like any other.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfsparse.conversion.capturing import capture
from tfsparse.conversion.graph import Graph, node_name

_REFERENCES = {"Variable", "VariableV2"}


def lift_references(graph: Graph, model: Any, made: dict[str, Any]) -> None:
    """Puts variables in the place of references that are only read.

    Args:
        graph: A graph of a function of `model`. It is changed in place.
        model: What `tf.saved_model.load` has made of a TF1 SavedModel.
        made: Name of a node to the variable that has taken its place, in other graphs too.
    """
    for node in [each for each in graph.nodes.values() if each.op in _REFERENCES]:
        readers = [
            reader
            for reader in graph.nodes.values()
            if any(node_name(ref) == node.name and ref[0] != "^" for ref in reader.input)
        ]
        if not readers or any(reader.op != "Identity" for reader in readers):
            continue
        if node.name not in made:
            value = model.prune([], f"{readers[0].name}:0")()
            made[node.name] = tf.Variable(value, trainable=False, name=node.name)
        handle = capture(graph, made[node.name].handle, f"{node.name}/handle")
        read = tf.compat.v1.NodeDef(name=node.name, op="ReadVariableOp", input=[handle])
        read.attr["dtype"].type = made[node.name].dtype.as_datatype_enum
        graph.nodes[node.name] = read
