"""Puts an op of ours in the place of an interaction: lookups, dot products, concatenation.

The op reads the tables and ids that the model has, so what stood between them falls away: a gather
for each table, the stack, the products of all pairs. Tables stay the variables that they are, or
become new ones in fewer bits where that is asked for. The op takes and gives float32 here;
`propagate_uint8` comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.capturing import read_variable
from tfsparse.conversion.dense_layer import Unmatched
from tfsparse.conversion.derived import constant, made, put
from tfsparse.conversion.graph import Graph, node_name, reference_of
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.importing import tensor_type
from tfsparse.conversion.interaction import Interaction
from tfsparse.conversion.lookups import Lookup
from tfsparse.conversion.op_interface import interaction_node
from tfsparse.conversion.state import array_of
from tfsparse.conversion.tables import TablePrecision, Tables

_OWN_TYPES = (tf.float32, tf.bfloat16)
"""Types of tables that the op reads as they are."""


def interact(
    view: GraphView,
    found: Sequence[Interaction],
    tables: Tables,
    precision: TablePrecision | None = None,
) -> tuple[list[Interaction], list[Unmatched]]:
    """Replaces interactions in a graph.

    Args:
        view: View of the graph. The graph is changed in place; results keep their names.
        found: What was found in it.
        tables: Where tables in fewer bits are put.
        precision: What tables become; None leaves them what they are.

    Returns:
        ``(replaced, stayed)``: those whose tables the op cannot read stay.
    """
    replaced: list[Interaction] = []
    stayed: list[Unmatched] = []
    for each in found:
        rewriting = _Rewriting(view, each, tables, precision)
        reason = rewriting.problem()
        if reason is None:
            rewriting.run()
            replaced.append(each)
        else:
            stayed.append(Unmatched(each.name, each.graph, each.result, reason))
    if replaced:
        view.graph.prune()
        view.graph.sort()
    return replaced, stayed


class _Rewriting:
    def __init__(
        self,
        view: GraphView,
        found: Interaction,
        tables: Tables,
        precision: TablePrecision | None,
    ) -> None:
        self._view = view
        self._found = found
        self._graph: Graph = view.graph
        self._tables = tables
        self._precision = precision
        self._table_names = list(dict.fromkeys(map(self._identity, found.lookups)))
        self._ids = list(dict.fromkeys(each.ids.tensor for each in found.lookups))

    def problem(self) -> str | None:
        """Why the op cannot read the tables."""
        types = {self._type(each) for each in self._found.lookups}
        if self._precision is None:
            if len(types) == 1 and types <= set(_OWN_TYPES):
                return None
            names = ", ".join(sorted(each.name for each in types))
            return f"its tables are {names}; they should be all float32 or all bfloat16"
        try:
            for each in self._found.lookups:
                self._in_fewer_bits(each)
        except ValueError as error:
            return f"a table cannot become {self._precision}: {error}"
        return None

    def run(self) -> None:
        found, graph = self._found, self._graph
        name = graph.free_name(f"{found.result}/interaction")
        tables, scales, dtype = self._read_tables(name)
        inputs: dict[str, str | list[str]] = {
            "dense": self._dense(name),
            "dense_scale": self._constant(name, "dense_scale", np.float32(1)),
            "dense_zero_point": self._constant(name, "dense_zero_point", np.int32(0)),
            "tables": tables,
            "table_scales": scales,
            "ids": [reference_of(each) for each in self._ids],
            "row_splits": [],
            "y_scale": self._constant(name, "y_scale", np.float32(1)),
            "y_zero_point": self._constant(name, "y_zero_point", np.int32(0)),
        }
        attributes = {
            "Tdense": tf.float32,
            "Tout": tf.float32,
            "Ttables": [dtype] * len(tables),
            "Tscales": [tf.float32] * len(scales),
            "Tids": [tensor_type(graph, each) for each in self._ids],
            "Tsplits": [],
            **self._lookups(),
            "columns": [place for entry in found.entries for place in entry],
        }
        graph.add(interaction_node(name, inputs, attributes, graph.waits_of(found.absorbed)))
        self._finish(name)

    def _lookups(self) -> dict[str, list[Any]]:
        """The attributes that list something for each lookup."""
        lookups = self._found.lookups
        return {
            "lookup_tables": [self._table_names.index(self._identity(each)) for each in lookups],
            "lookup_ids": [self._ids.index(each.ids.tensor) for each in lookups],
            "lookup_starts": [each.ids.start for each in lookups],
            "lookup_sizes": [each.ids.size for each in lookups],
            "lookup_splits": [],
            "id_offsets": [each.ids.offset for each in lookups],
            "wraps_negative": [each.ids.wraps for each in lookups],
            "combiners": [each.combiner for each in lookups],
        }

    def _dense(self, scope: str) -> str:
        """A reference to the vector that is not looked up, as float32 of two axes."""
        tensor = self._found.dense
        if tensor is None:
            return self._constant(scope, "no_dense", np.zeros(0, np.float32))
        shape, dtype = self._view.shape(tensor), tensor_type(self._graph, tensor)
        source: Any = tensor
        if shape.rank != 2:
            width = int(np.prod(shape[1:].as_list(), dtype=np.int64))
            sizes = constant(np.asarray([-1, width], np.int32))
            source = made("Reshape", (source, sizes), 2, T=dtype, Tshape=tf.int32)
        if dtype != tf.float32:
            source = made("Cast", (source,), 2, SrcT=dtype, DstT=tf.float32)
        return put(self._graph, scope, source)

    def _read_tables(self, scope: str) -> tuple[list[str], list[str], tf.DType]:
        """References to the tables and their scales, and the tables' type."""
        by_name = {self._identity(each): each for each in self._found.lookups}
        if self._precision is None:
            every = [self._as_it_is(by_name[each], scope) for each in self._table_names]
            return every, [], self._type(self._found.lookups[0])
        made_ = [self._in_fewer_bits(by_name[each]) for each in self._table_names]
        data = [self._read(each.data) for each in made_]
        scales = [self._read(each.scale) for each in made_ if each.scale is not None]
        return data, scales, made_[0].data.dtype

    def _as_it_is(self, lookup: Lookup, scope: str) -> str:
        if self._view.dtype(lookup.table) != tf.resource:
            return reference_of(lookup.table)
        variable = self._view.state.constant_variable(self._graph, lookup.table)
        return read_variable(self._graph, variable, f"{scope}/table")

    def _in_fewer_bits(self, lookup: Lookup) -> Any:
        assert self._precision is not None
        view, identity = self._view, self._identity(lookup)
        if view.dtype(lookup.table) == tf.resource:
            variable = view.state.constant_variable(self._graph, lookup.table)
            assert variable is not None
            name = view.state.name_of(variable)
        else:
            names = view.constants.variable_names(lookup.table)
            name = names[0] if names else node_name(lookup.table)
        return self._tables.get(identity, self._precision, lambda: self._values(lookup), name)

    def _values(self, lookup: Lookup) -> np.ndarray:
        view = self._view
        if view.dtype(lookup.table) != tf.resource:
            values = view.constant(lookup.table)
            assert values is not None
            return values
        variable = view.state.constant_variable(self._graph, lookup.table)
        assert variable is not None
        return array_of(variable.read_value())

    def _identity(self, lookup: Lookup) -> str:
        """Equal for lookups in one table, in whatever graph."""
        view = self._view
        if view.dtype(lookup.table) == tf.resource:
            return f"variable {id(view.state.constant_variable(self._graph, lookup.table))}"
        return view.constants.identity(lookup.table)

    def _type(self, lookup: Lookup) -> tf.DType:
        dtype = self._view.dtype(lookup.table)
        if dtype != tf.resource:
            return dtype
        variable = self._view.state.constant_variable(self._graph, lookup.table)
        assert variable is not None
        return variable.dtype

    def _read(self, variable: Any) -> str:
        name = str(variable.name).split(":")[0]
        return read_variable(self._graph, variable, f"{name}/read")

    def _constant(self, scope: str, name: str, value: np.ndarray | np.generic) -> str:
        source = constant(value)
        source.node.name = name
        return put(self._graph, scope, source)

    def _finish(self, name: str) -> None:
        """Gives the op's result the type and name that its readers expect."""
        found = self._found
        node = tf.compat.v1.NodeDef(name=found.result, op="Identity", input=[name])
        types: Iterable[tuple[str, tf.DType]] = [("T", found.dtype)]
        if found.dtype != tf.float32:
            node.op = "Cast"
            types = [("SrcT", tf.float32), ("DstT", found.dtype)]
        for key, dtype in types:
            node.attr[key].type = dtype.as_datatype_enum
        self._graph.nodes[found.result] = node
