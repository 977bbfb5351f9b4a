"""Puts an op of ours in the place of a normalization: ten passes over memory become one.

The op takes and gives float32; `normalize_uint8` comes later.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfsparse.conversion.derived import constant, made, put
from tfsparse.conversion.graph import Graph, reference_of
from tfsparse.conversion.importing import tensor_type
from tfsparse.conversion.normalization import Normalization
from tfsparse.conversion.op_interface import normalization_node


def normalize(found: Sequence[Normalization]) -> None:
    """Replaces normalizations in their graphs.

    Args:
        found: What was found. Its graphs are changed in place; the result keeps its name.
    """
    for each in found:
        _replace(each.graph, each)
    for graph in {id(each.graph): each.graph for each in found}.values():
        graph.prune()
        graph.sort()


def _replace(graph: Graph, found: Normalization) -> None:
    name = graph.free_name(f"{found.result}/normalization")
    inputs = {
        "x": _float(graph, found.x, name),
        "residual": _constant(graph, name, np.zeros(0, np.float32), "residual"),
        "gamma": _constant(graph, name, found.gamma, "gamma"),
        "beta": _constant(graph, name, found.beta, "beta"),
        "y_scale": _constant(graph, name, np.float32(1), "y_scale"),
        "y_zero_point": _constant(graph, name, np.int32(0), "y_zero_point"),
    }
    attributes = {
        "kind": found.kind,
        "epsilon": found.epsilon,
        "float_y": True,
        "uint8_y": False,
        "return_sum": False,
    }
    graph.add(normalization_node(name, inputs, attributes, graph.waits_of(found.absorbed)))
    node = tf.compat.v1.NodeDef(name=found.result, op="Identity", input=[name])
    types = {"T": found.dtype}
    if found.dtype != tf.float32:
        node.op, types = "Cast", {"SrcT": tf.float32, "DstT": found.dtype}
    for key, dtype in types.items():
        node.attr[key].type = dtype.as_datatype_enum
    graph.nodes[found.result] = node


def _float(graph: Graph, tensor: str, scope: str) -> str:
    dtype = tensor_type(graph, tensor)
    if dtype == tf.float32:
        return reference_of(tensor)
    return put(graph, scope, made("Cast", (tensor,), 0, SrcT=dtype, DstT=tf.float32))


def _constant(graph: Graph, scope: str, value: np.ndarray | np.generic | None, name: str) -> str:
    array = np.zeros(0, np.float32) if value is None else np.asarray(value)
    source = constant(array)
    source.node.name = name
    return put(graph, scope, source)
