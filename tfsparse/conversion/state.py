"""What a model knows besides its graphs: its variables, and which of them never change.

A variable is as good as a constant if no function of the model does anything with its handle but
read
it. All functions are looked at, bodies of loops and branches too, and any op that is not known to
read only counts as one that writes. So does passing a handle on in a way that cannot be followed.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.control_flow import argument_source, first_argument, has_bodies
from tfsparse.conversion.graph import Graph, NodeDef, node_name, tensor_name
from tfsparse.conversion.layer_name import common_scope
from tfsparse.conversion.layer_paths import LayerPaths

READS = {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"}
_HARMLESS = READS | {"Identity", "VarIsInitializedOp"}


class State:
    """The captured state of a model.

    Args:
        variables: The model's variables.
        graphs: All functions of the model.
        layers: The layers of the model, where they are known.
        layer_paths: id of a variable's handle to the path of its layer, where that is known.
    """

    def __init__(
        self,
        variables: Iterable[Any],
        graphs: Iterable[Graph],
        layers: LayerPaths | None = None,
        layer_paths: Mapping[int, str] | None = None,
    ) -> None:
        graphs = list(graphs)
        self._layers = layers
        self._paths = dict(layer_paths or {})
        self.variables: dict[int, Any] = {id(each.handle): each for each in variables}
        self.changing: set[int] = set()
        self._tables: dict[int, tuple[Any, dict[str, Any]]] = {}
        names = [self.name_of(each) for each in _captured(self.variables, graphs)]
        self._counts = Counter(names)
        self._scope = "" if self._paths else common_scope(names)
        for graph in graphs:
            for each in graph.all_graphs():
                self._find_changing(each)

    def capture(self, graph: Graph, tensor: str) -> Any | None:
        """The tensor of the loaded model that a tensor of a graph is, or None."""
        node = graph.nodes[node_name(tensor)]
        while node.op == "Identity":
            tensor = tensor_name(node.input[0])
            node = graph.nodes[node_name(tensor)]
        if node.name in graph.captures:
            return graph.captures[node.name]
        if node.name in graph.inputs and graph.caller is not None:
            source = argument_source(graph, node.name)
            return None if source is None else self.capture(graph.caller[0], source)
        return None

    def constant_variable(self, graph: Graph, handle: str) -> Any | None:
        """The variable that a handle belongs to, if it never changes."""
        captured = self.capture(graph, handle)
        if captured is None or id(captured) in self.changing:
            return None
        return self.variables.get(id(captured))

    def is_constant_read(self, graph: Graph, node: NodeDef) -> bool:
        """Whether a node reads a variable that never changes."""
        return (
            node.op in READS
            and self.constant_variable(graph, tensor_name(node.input[0])) is not None
        )

    def name_of(self, variable: Any) -> str:
        """A variable's name: that of its layer and its own, or else the scopes it was made in."""
        name = _whole(str(variable.name).split(":")[0])
        path = self._paths.get(id(variable.handle))
        if path:
            return f"{path}/{name.rsplit('/', 1)[-1]}"
        *scopes, own = name.split("/")
        # A layer in a wrapper of its own name, as while it is pruned, is one layer.
        return "/".join([*(scope for scope, _ in itertools.groupby(scopes)), own])

    def layer_scope(self, node: str) -> str:
        """The path of the layer that a node belongs to, or else the node's name."""
        return (self._layers and self._layers.of_node(node)) or node

    def layer_variable(self, names: Sequence[str]) -> str | None:
        """The variable that names a layer: the first whose name no other one has.

        The scope that all variables lie in is left out of the name.
        """
        unique = [name for name in names if self._counts[name] == names.count(name)]
        return unique[0].removeprefix(self._scope) if unique else None

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Gives variables and tables that change their values back when the context ends."""
        changing = [self.variables[each] for each in self.changing if each in self.variables]
        before = [(variable, variable.numpy()) for variable in changing]
        tables = [
            (table, tf.raw_ops.LookupTableExportV2(table_handle=table, **types))
            for table, types in self._tables.values()
        ]
        try:
            yield
        finally:
            for variable, value in before:
                variable.assign(value)
            for table, (keys, values) in tables:
                tf.raw_ops.LookupTableImportV2(table_handle=table, keys=keys, values=values)

    def _find_changing(self, graph: Graph) -> None:
        for node in graph.nodes.values():
            if node.op in _HARMLESS:
                continue
            bodies = [body for (owner, _), body in graph.bodies.items() if owner == node.name]
            for place, reference in enumerate(node.input):
                if reference.startswith("^"):
                    continue
                captured = self.capture(graph, tensor_name(reference))
                if captured is None or captured.dtype != tf.resource:
                    continue
                if not (has_bodies(node) and _followed(node, place, bodies)):
                    self.changing.add(id(captured))
                if node.op == "LookupTableInsertV2":
                    keys, values = (tf.as_dtype(node.attr[key].type) for key in ("Tin", "Tout"))
                    self._tables[id(captured)] = captured, {"Tkeys": keys, "Tvalues": values}


def _captured(variables: Mapping[int, Any], graphs: Sequence[Graph]) -> list[Any]:
    """The variables that a graph captures."""
    captured = {id(value) for graph in graphs for value in graph.captures.values()}
    return [variable for handle, variable in variables.items() if handle in captured]


def _whole(name: str) -> str:
    """The name of the variable that another one is a part of."""
    return re.sub(r"/part_\d+$", "", name)


def _followed(node: NodeDef, place: int, bodies: list[Graph]) -> bool:
    """Whether a handle that a loop, branch or call takes can be followed into its bodies."""
    argument = place - first_argument(node)
    return bool(bodies) and all(
        argument_source(body, body.inputs[argument]) is not None for body in bodies
    )


def array_of(tensor: Any) -> np.ndarray:
    """The elements of an eager tensor, without a copy where that can be."""
    try:
        return np.asarray(memoryview(tensor))
    except (TypeError, ValueError, BufferError, tf.errors.OpError):
        return np.asarray(tensor.numpy())
