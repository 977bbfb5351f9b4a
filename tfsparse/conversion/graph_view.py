"""Read-only look at a graph: who reads a tensor, its shape, its value if it has one."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.constants import Constants
from tfsparse.conversion.control_flow import LOOPS, argument_source
from tfsparse.conversion.function_def import is_stateful
from tfsparse.conversion.graph import Graph, NodeDef, node_name, tensor_name
from tfsparse.conversion.importing import import_graph, placeholder_spec
from tfsparse.conversion.open_sizes import ARGUMENT_SIZES, with_sizes
from tfsparse.conversion.private_tensorflow import resource_placeholder
from tfsparse.conversion.state import State

CONTROL = -1
"""Input index of a control edge."""


@dataclasses.dataclass(frozen=True)
class Reader:
    """A node that reads a tensor, and at which of its inputs (`CONTROL` for an edge)."""

    node: NodeDef
    index: int


class GraphView:
    """Index over the nodes of a graph.

    Args:
        graph: The graph to look at. It should not change while it is looked at.
        state: The model's variables.
        outer: The view of the graph that calls this one, for the body of a loop or branch.
    """

    def __init__(self, graph: Graph, state: State, outer: GraphView | None = None) -> None:
        self.graph = graph
        self.state = state
        self.nodes = graph.nodes
        above: Constants | None = None if outer is None else outer.constants
        self.constants: Constants = Constants(graph, state, above)
        self._outer = outer
        self._outputs = set(graph.outputs)
        self._readers: defaultdict[str, list[Reader]] = defaultdict(list)
        self._controlled: defaultdict[str, list[Reader]] = defaultdict(list)
        for node in graph.nodes.values():
            for index, reference in enumerate(node.input):
                if reference.startswith("^"):
                    self._controlled[reference[1:]].append(Reader(node, CONTROL))
                else:
                    self._readers[tensor_name(reference)].append(Reader(node, index))

    @functools.cached_property
    def _imported(self) -> tf.Graph:
        """The graph inside TensorFlow, which infers shapes; made when first asked."""
        return self._import(self.graph, self._argument_shape)

    @functools.cached_property
    def _tried(self) -> tf.Graph | None:
        """The same with numbers for sizes that are open; None if they do not fit."""
        try:
            return with_sizes(
                self.graph, lambda graph: self._import(graph, self._tried_shape), self.shape
            )
        except ValueError:
            return None

    def _import(self, graph: Graph, shape_of: Callable[[str], tf.TensorShape]) -> tf.Graph:
        imported = tf.Graph()
        with imported.as_default():
            names = (*self.graph.inputs, *self.graph.captures)
            feeds = {name: self._placeholder(name, shape_of) for name in names}
            import_graph(graph, feeds, [], name="")
        return imported

    def _placeholder(self, name: str, shape_of: Callable[[str], tf.TensorShape]) -> tf.Tensor:
        """A placeholder for an argument or capture, with the shape that it is known to have."""
        node = self.nodes[name]
        dtype = tf.as_dtype(node.attr["dtype"].type)
        if dtype == tf.resource:
            captured = self.state.capture(self.graph, f"{name}:0")
            if captured is not None:
                return resource_placeholder(captured, name)
        return tf.compat.v1.placeholder(dtype, shape_of(name), name)

    def _argument_shape(self, name: str) -> tf.TensorShape:
        if name in self.graph.captures:
            shape: tf.TensorShape = self.graph.captures[name].shape
            return shape
        if self.graph.caller is not None and self._outer is not None:
            source = argument_source(self.graph, name)
            if source is not None:
                return self._outer.shape(source)
            outer, (loop, _) = self.graph.caller
            shapes = outer.nodes[loop].attr["output_shapes"].list.shape
            place = self.graph.inputs.index(name)
            if outer.nodes[loop].op in LOOPS and place < len(shapes):
                return tf.TensorShape(shapes[place])
            return tf.TensorShape(None)
        node = self.nodes[name]
        return placeholder_spec(node).shape

    def _tried_shape(self, name: str) -> tf.TensorShape:
        shape = self._argument_shape(name)
        if shape.rank is None or shape.rank > len(ARGUMENT_SIZES) or name in self.graph.captures:
            return shape
        sizes = zip(shape.as_list(), ARGUMENT_SIZES, strict=False)
        return tf.TensorShape([tried if size is None else size for size, tried in sizes])

    def data_inputs(self, node: NodeDef) -> list[str]:
        """Tensor names of a node's inputs, control edges left out."""
        return [tensor_name(name) for name in node.input if not name.startswith("^")]

    def results(self, node: NodeDef) -> list[str]:
        """Names of all tensors that a node gives."""
        if node.name not in self._names:
            return [f"{node.name}:0"]
        outputs = self._imported.get_operation_by_name(node.name).outputs
        return [str(tensor.name) for tensor in outputs]

    def readers(self, tensor: str) -> list[Reader]:
        """Everything that reads a tensor or waits for the node that makes it."""
        return self._readers[tensor] + self._controlled[node_name(tensor)]

    def is_output(self, tensor: str) -> bool:
        """Whether the function returns this tensor."""
        return tensor in self._outputs

    def sole_reader(self, tensor: str) -> Reader | None:
        """The one reader of a tensor; none if it is an output or read several times."""
        readers = self.readers(tensor)
        if len(readers) != 1 or readers[0].index == CONTROL or self.is_output(tensor):
            return None
        return readers[0]

    def shape(self, tensor: str) -> tf.TensorShape:
        """The static shape of a tensor."""
        if node_name(tensor) not in self._names:
            return tf.TensorShape(None)
        return self._imported.get_tensor_by_name(tensor).shape

    def tried_shape(self, tensor: str) -> tf.TensorShape | None:
        """The shape of a tensor with numbers for open sizes, the same for the same size.

        None where no numbers fit. Sizes are open still where even ranks are unknown.
        """
        if self._tried is None:
            return None
        return self._tried.get_tensor_by_name(tensor).shape

    def dtype(self, tensor: str) -> tf.DType:
        """The type of a tensor's elements."""
        return self._imported.get_tensor_by_name(tensor).dtype

    @functools.cached_property
    def _names(self) -> set[str]:
        return {operation.name for operation in self._imported.get_operations()}

    def is_stateful(self, node: NodeDef) -> bool:
        """Whether a node has effects or results beyond its inputs."""
        return is_stateful(node, self.graph.library)

    def ancestors(self, name: str) -> Iterator[NodeDef]:
        """A node and everything it depends on, control edges included."""
        seen, pending = {name}, [name]
        while pending:
            node = self.nodes[pending.pop()]
            yield node
            for reference in node.input:
                source = node_name(reference)
                if source not in seen:
                    seen.add(source)
                    pending.append(source)

    def through_identities(self, tensor: str) -> str:
        """The tensor that a chain of ``Identity`` nodes passes on."""
        node = self.nodes[node_name(tensor)]
        while node.op == "Identity":
            tensor = tensor_name(node.input[0])
            node = self.nodes[node_name(tensor)]
        return tensor

    def identities(self, tensor: str) -> list[str]:
        """Names of the ``Identity`` nodes between `through_identities` and a tensor."""
        names: list[str] = []
        node = self.nodes[node_name(tensor)]
        while node.op == "Identity":
            names.append(node.name)
            node = self.nodes[node_name(node.input[0])]
        return names

    def constant(self, tensor: str) -> np.ndarray | None:
        """The value of a tensor that depends on constants and unchanging variables, else None."""
        return self.constants.value(tensor)

    def is_constant(self, tensor: str) -> bool:
        """Whether a tensor has a `constant` value; the value itself is not made."""
        return self.constants.is_constant(tensor)


class Views:
    """Views of a model's graphs, each made once; forget them when a graph has changed."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._views: dict[int, GraphView] = {}

    def of(self, graph: Graph) -> GraphView:
        """The view of a graph."""
        if id(graph) not in self._views:
            outer = None if graph.caller is None else self.of(graph.caller[0])
            self._views[id(graph)] = GraphView(graph, self.state, outer)
        return self._views[id(graph)]


def attribute(node: NodeDef, name: str, default: Any) -> Any:
    """A boolean or integer attribute of a node; the default where it has none."""
    if name not in node.attr:
        return default
    return type(default)(getattr(node.attr[name], "b" if isinstance(default, bool) else "i"))
