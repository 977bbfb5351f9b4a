"""Read-only look at a GraphDef: who reads a tensor, its shape, its value if constant."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_function import graph_function

NodeDef = Any
"""`tf.compat.v1.NodeDef`; protobuf classes carry no types."""

CONTROL = -1
"""Input index of a control edge."""

_SOURCES = {"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"}


@dataclasses.dataclass(frozen=True)
class Reader:
    """A node that reads a tensor, and at which of its inputs (`CONTROL` for an edge)."""

    node: NodeDef
    index: int


def tensor_name(reference: str) -> str:
    """Full name ``node:index`` of what a node's input field refers to."""
    return reference if ":" in reference else f"{reference}:0"


def node_name(reference: str) -> str:
    """Name of the node that an input field or a tensor name refers to."""
    return reference.lstrip("^").split(":")[0]


class GraphView:
    """Index over the nodes of a frozen graph.

    Args:
        graph: The graph to look at. It should not change while it is looked at.
    """

    def __init__(self, graph: FrozenGraph) -> None:
        self.graph = graph
        self.nodes: dict[str, NodeDef] = {node.name: node for node in graph.graph_def.node}
        self._readers: defaultdict[str, list[Reader]] = defaultdict(list)
        self._controlled: defaultdict[str, list[Reader]] = defaultdict(list)
        for node in graph.graph_def.node:
            for index, reference in enumerate(node.input):
                if reference.startswith("^"):
                    self._controlled[reference[1:]].append(Reader(node, CONTROL))
                else:
                    self._readers[tensor_name(reference)].append(Reader(node, index))

    @functools.cached_property
    def _imported(self) -> tf.Graph:
        """The graph inside TensorFlow, which infers shapes; made when first asked."""
        imported = tf.Graph()
        with imported.as_default():
            tf.graph_util.import_graph_def(self.graph.graph_def, name="")
        return imported

    def data_inputs(self, node: NodeDef) -> list[str]:
        """Tensor names of a node's inputs, control edges left out."""
        return [tensor_name(name) for name in node.input if not name.startswith("^")]

    def readers(self, tensor: str) -> list[Reader]:
        """Everything that reads a tensor or waits for the node that makes it."""
        return self._readers[tensor] + self._controlled[node_name(tensor)]

    def is_output(self, tensor: str) -> bool:
        """Whether the signature returns this tensor."""
        return tensor in self.graph.outputs.values()

    def sole_reader(self, tensor: str) -> Reader | None:
        """The one reader of a tensor; none if it is an output or read several times."""
        readers = self.readers(tensor)
        if len(readers) != 1 or readers[0].index == CONTROL or self.is_output(tensor):
            return None
        return readers[0]

    def shape(self, tensor: str) -> tf.TensorShape:
        """The static shape of a tensor."""
        return self._imported.get_tensor_by_name(tensor).shape

    def dtype(self, tensor: str) -> tf.DType:
        """The type of a tensor's elements."""
        return self._imported.get_tensor_by_name(tensor).dtype

    def is_stateful(self, node: NodeDef) -> bool:
        """Whether a node has effects or results beyond its inputs."""
        definition = self._imported.get_operation_by_name(node.name).op_def
        return bool(definition.is_stateful)

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

    def constant(self, tensor: str) -> np.ndarray | None:
        """The value of a tensor that depends on constants alone, else None."""
        source = self.nodes[node_name(self.through_identities(tensor))]
        if source.op == "Const":
            return np.asarray(tf.make_ndarray(source.attr["value"].tensor))
        for node in self.ancestors(source.name):
            if node.op in _SOURCES or self.is_stateful(node):
                return None
        whole = FrozenGraph(self.graph.graph_def, {}, {}, {}, {}, {}, {})
        folded = graph_function(
            whole.reduced_to([source.name]), {"value": self.through_identities(tensor)}
        )
        return np.asarray(folded()["value"].numpy())
