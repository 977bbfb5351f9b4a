"""Loads a SavedModel without the variables that none of its functions reads.

Why: Keras 3 writes each variable twice when it exports a model: once as one of the model's, which
the functions read, and once more in the list `_all_variables`, which nothing reads. TensorFlow
loads both. A DLRM with 5 GB of tables would take 10.

How: the object graph in the file says which variables functions are bound to. Of those in that
list, the ones that no function and no other object refers to are left out: an object without a
value stands in their place.

Contract: everything else is loaded as `tf.saved_model.load` does, which also loads any file that
this module cannot read, or that has too large a graph to be read twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from tfsparse.conversion.private_tensorflow import load_with, saved_model_of

_LIST = "_all_variables"
_MOST_BYTES = 1 << 26


def load_without_unread_variables(path: str, tags: Sequence[str] | None) -> Any:
    """Loads a SavedModel.

    Args:
        path: Its folder.
        tags: Tags of the graph to load; None where there is one graph.

    Returns:
        What `tf.saved_model.load` gives, but for variables that nothing reads.
    """
    unread = _unread_variables(path)
    if not unread:
        return tf.saved_model.load(path, tags=tags)
    return load_with(path, {name: tf.Module() for name in unread}, tags)


def _unread_variables(path: str) -> list[str]:
    """Paths of the variables in the object graph, such as ``"root._all_variables.3"``."""
    graph = _object_graph(path)
    if graph is None or not graph.nodes:
        return []
    children = {child.local_name: child.node_id for child in graph.nodes[0].children}
    if _LIST not in children:
        return []
    references = Counter(
        child.node_id for node in graph.nodes for child in (*node.children, *node.dependencies)
    )
    for function in graph.concrete_functions.values():
        references.update(function.bound_inputs)
    return [
        f"root.{_LIST}.{child.local_name}"
        for child in graph.nodes[children[_LIST]].children
        if graph.nodes[child.node_id].HasField("variable") and references[child.node_id] == 1
    ]


def _object_graph(path: str) -> Any | None:
    """The object graph of a file; None where it has none or is not read."""
    file = f"{path}/saved_model.pb"
    if not tf.io.gfile.exists(file) or tf.io.gfile.stat(file).length > _MOST_BYTES:
        return None
    with tf.io.gfile.GFile(file, "rb") as opened:
        try:
            graphs = saved_model_of(opened.read()).meta_graphs
        except DecodeError:
            return None  # TensorFlow says so when it loads it.
    return graphs[0].object_graph_def if len(graphs) == 1 else None
