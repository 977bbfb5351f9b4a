"""A graph inside TensorFlow with a number for every open size, so that sizes can be compared.

Shapes that TensorFlow infers do not tell ``x[:1]`` from ``x`` where the batch is open, nor a size
from another one that depends on values: ``tf.boolean_mask`` may leave all rows of a tensor, or one.
So open sizes get numbers that nothing else has: those of the arguments by their axis, since a batch
is one for all of them, and each size that depends on values one of its own. Where two tensors have
the same numbers then, they have the same sizes, as far as TensorFlow knows.

A size depends on values where a result's is open though those of all that is read are known. There
an ``EnsureShape`` with a number is put between the result and its readers, and the graph is
imported anew, until nothing is open any more. Where numbers do not fit together, as in a sum of two
tensors one of which is broadcast if need be, a placeholder with new numbers stands for the result;
a reshape keeps the sizes that it is given, and takes a placeholder.
Nothing of it is ever run.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Iterator, Mapping

import tensorflow as tf

from tfsparse.conversion.graph import Graph, tensor_name
from tfsparse.conversion.importing import result_types, tensor_type

ARGUMENT_SIZES = (7919 * 720, 7907, 7901, 7883, 7879, 7877, 7873, 7867)
"""Sizes by axis that stand for open ones of arguments. No other axis is likely to have them. The
batch may be reshaped to halves, thirds and the like."""

_FIRST_OF_VALUES = 10007
_MOST_IMPORTS = 40
"""Imports of one graph at most. Each settles sizes that follow from those before, or one node at
which numbers do not fit."""
_ANY_SIZE = "/of_any_size"
_REFUSED = re.compile(r"\{\{node ([^}]+)\}\}")
"""Where an error of an import names its node."""


def with_sizes(
    graph: Graph, load: Callable[[Graph], tf.Graph], shape: Callable[[str], tf.TensorShape]
) -> tf.Graph:
    """Imports a graph so that its sizes are numbers.

    Args:
        graph: The graph.
        load: Imports a graph, with arguments of fixed sizes.
        shape: Gives the shape of a tensor as far as it is known without numbers.

    Returns:
        The imported graph, where the same node names stand for the same tensors. Sizes are still
        open behind ranks that are unknown.

    Raises:
        ValueError: If no numbers fit.
    """
    numbers = itertools.count(_FIRST_OF_VALUES, 2)
    numbered: set[str] = set()
    for _ in range(_MOST_IMPORTS):
        try:
            loaded = load(graph)
        except ValueError as error:
            graph = _relaxed(graph, _refused(graph, error), shape, numbers)
            continue
        shapes = {
            tensor: _fixed(open_, numbers)
            for tensor, open_ in _of_values(loaded, graph)
            if tensor not in numbered
        }
        if not shapes:
            return loaded
        numbered |= shapes.keys()
        graph = _ensured(graph, shapes)
    raise ValueError("No numbers fit")


def _fixed(shape: tf.TensorShape, numbers: Iterator[int]) -> tf.TensorShape:
    if shape.rank is None:
        return shape
    return tf.TensorShape([next(numbers) if size is None else size for size in shape.as_list()])


def _refused(graph: Graph, error: ValueError) -> str:
    """The node that an import has failed at, of one result."""
    found = _REFUSED.search(str(error))
    node = None if found is None else graph.nodes.get(found[1])
    if node is None or node.name in graph.inputs or len(result_types(graph, node.name)) != 1:
        raise error
    return str(node.name)


def _relaxed(
    graph: Graph, name: str, shape: Callable[[str], tf.TensorShape], numbers: Iterator[int]
) -> Graph:
    """A copy of a graph in which a node takes what it did not, or is a placeholder."""
    node = graph.nodes[name]
    source = tensor_name(node.input[0]) if node.op == "Reshape" else None
    if source is None or source.endswith(f"{_ANY_SIZE}:0"):
        return _with_placeholder(graph, name, name, _fixed(shape(f"{name}:0"), numbers))
    # It says what sizes its result has, whatever it is given.
    any_size = graph.free_name(f"{name}{_ANY_SIZE}")
    result = _with_placeholder(graph, any_size, source, tf.TensorShape(None))
    changed = tf.compat.v1.NodeDef()
    changed.CopyFrom(node)
    changed.input[0] = any_size
    result.nodes[name] = changed
    return result


def _with_placeholder(graph: Graph, name: str, like: str, shape: tf.TensorShape) -> Graph:
    """A copy of a graph with a placeholder of the type of a tensor."""
    result = copy.copy(graph)
    node = tf.compat.v1.NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = tensor_type(graph, tensor_name(like)).as_datatype_enum
    node.attr["shape"].shape.CopyFrom(shape.as_proto())
    result.nodes = graph.nodes | {name: node}
    return result


def _of_values(loaded: tf.Graph, graph: Graph) -> Iterator[tuple[str, tf.TensorShape]]:
    """Tensors with open sizes that are made of tensors without."""
    for operation in loaded.get_operations():
        if operation.name not in graph.nodes or operation.name in graph.inputs:
            continue
        if all(tensor.shape.is_fully_defined() for tensor in operation.inputs):
            for tensor in operation.outputs:
                if tensor.shape.rank is not None and not tensor.shape.is_fully_defined():
                    yield tensor.name, tensor.shape


def _ensured(graph: Graph, shapes: Mapping[str, tf.TensorShape]) -> Graph:
    """A copy of a graph whose readers of some tensors see them with shapes."""
    result = copy.copy(graph)
    result.nodes = dict(graph.nodes)
    seen_as: dict[str, str] = {}
    for tensor, shape in shapes.items():
        name = result.free_name(f"{tensor.replace(':', '_')}/of_size")
        node = tf.compat.v1.NodeDef(name=name, op="EnsureShape", input=[tensor])
        node.attr["T"].type = tensor_type(graph, tensor).as_datatype_enum
        node.attr["shape"].shape.CopyFrom(shape.as_proto())
        result.add(node)
        seen_as[tensor] = name
    for name, node in graph.nodes.items():
        if any(ref[0] != "^" and tensor_name(ref) in seen_as for ref in node.input):
            changed = tf.compat.v1.NodeDef()
            changed.CopyFrom(node)
            result.nodes[name] = changed
            result.replace_inputs(name, [_seen(ref, seen_as) for ref in node.input])
    return result


def _seen(reference: str, seen_as: Mapping[str, str]) -> str:
    return reference if reference[0] == "^" else seen_as.get(tensor_name(reference), reference)
