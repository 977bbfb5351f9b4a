"""Tensors that a rewriting will make from those that a graph has.

Finding changes nothing, so what it wants to be made is described: a node to copy, and what the copy
reads instead. `put` makes it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfsparse.conversion.graph import Graph, NodeDef, node_name, reference_of


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """A tensor to be made.

    Attributes:
        node: The node that gives it, but for its name and its inputs.
        inputs: What it reads.
        rank: How many axes it has.
    """

    node: NodeDef
    inputs: tuple[str | Made, ...]
    rank: int


def made(op: str, inputs: tuple[str | Made, ...], rank: int, **types: tf.DType) -> Made:
    """A tensor that an op gives whose attributes are types."""
    node = tf.compat.v1.NodeDef(op=op)
    for key, dtype in types.items():
        node.attr[key].type = dtype.as_datatype_enum
    return Made(node, inputs, rank)


def constant(value: np.ndarray | np.generic) -> Made:
    """A constant."""
    value = np.asarray(value)
    node = tf.compat.v1.NodeDef(op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return Made(node, (), value.ndim)


def expanded(source: str | Made, axis: int, rank: int, dtype: tf.DType) -> Made:
    """A tensor with one more axis of size 1 at a place."""
    place = constant(np.asarray(axis, np.int32))
    return made("ExpandDims", (source, place), rank + 1, T=dtype, Tdim=tf.int32)


def transposed(source: str | Made, order: tuple[int, ...], dtype: tf.DType) -> Made:
    """A tensor with its axes in another order."""
    places = constant(np.asarray(order, np.int32))
    return made("Transpose", (source, places), len(order), T=dtype, Tperm=tf.int32)


def squeezed(source: str | Made, axis: int, rank: int, dtype: tf.DType) -> Made:
    """A tensor without an axis of size 1."""
    result = made("Squeeze", (source,), rank - 1, T=dtype)
    result.node.attr["squeeze_dims"].list.i.append(axis)
    return result


def put(graph: Graph, scope: str, source: str | Made, done: dict[Made, str] | None = None) -> str:
    """Makes a tensor and what it is made of.

    Args:
        graph: The graph. It is changed in place.
        scope: Scope of the new nodes.
        source: What to make; a tensor of the graph stays what it is.
        done: What was made to its reference; it is not made again.

    Returns:
        A reference to the tensor.
    """
    if isinstance(source, str):
        return reference_of(source)
    done = {} if done is None else done
    if source not in done:
        references = [put(graph, scope, each, done) for each in source.inputs]
        node = tf.compat.v1.NodeDef()
        node.CopyFrom(source.node)
        own = node_name(node.name).rsplit("/", 1)[-1] if node.name else node.op
        node.name = graph.free_name(f"{scope}/{own}")
        del node.input[:]
        node.input.extend(references)
        done[source] = graph.add(node)
    return done[source]
