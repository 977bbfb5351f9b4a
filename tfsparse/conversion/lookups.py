"""Recognises rows that are looked up in tables, and follows their ids back to where they are made.

A lookup is a gather of rows of a constant matrix, or the sum or mean of such a gather along the
axis of its ids, a bag. The ids may be one tensor for one table, or columns of a tensor for many. A
constant may be added to them, as where many tables lie in one, and negative ones may count from the
end of a table, as in Keras 3. The op does all of this, so that it reads ids as the model gets them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

import numpy as np
import tensorflow as tf

from tfsparse.conversion.carriers import carried_inputs, find_sources
from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView, attribute
from tfsparse.conversion.moved_elements import find_origins
from tfsparse.conversion.numbered_elements import ZERO

Combiner = Literal["sum", "mean"]

WHOLE = -1
"""The size of a bag of all ids that an item has."""

_GATHERS = {"GatherV2", "Gather", "ResourceGather"}
_INTEGERS = (tf.int32, tf.int64)
_MAX_DEPTH = 8


@dataclasses.dataclass(frozen=True)
class Ids:
    """Ids of one lookup.

    Attributes:
        tensor: Name of a tensor ``(batch, ...)``, seen as ``(batch, columns)``.
        start: The first column.
        size: The number of columns, 1 but for bags; `WHOLE` for all of them.
        offset: What is added to each id.
        wraps: Whether negative ids count from the end of the table then.
    """

    tensor: str
    start: int = 0
    size: int = 1
    offset: int = 0
    wraps: bool = False


@dataclasses.dataclass(frozen=True)
class Lookup:
    """A row of a table, or several that are combined.

    Attributes:
        table: Name of the tensor of the table, ``(rows, width)``, or of the handle of its variable.
        ids: Which rows.
        combiner: How several become one.
    """

    table: str
    ids: Ids
    combiner: Combiner = "sum"


def read_lookups(view: GraphView, tensor: str) -> list[Lookup] | None:
    """Reads a tensor as rows of a table.

    Args:
        view: The graph.
        tensor: Name of a tensor ``(batch, ..., width)``.

    Returns:
        A lookup for each row of an item; None if the tensor is something else.
    """
    node = _behind_casts(view, tensor)
    if node.op in ("Sum", "Mean"):
        return _read_bag(view, node)
    gather = _read_gather(view, node)
    if gather is None:
        return None
    table, ids, rows = gather
    columns = _columns(view, ids, rows)
    return None if columns is None else [Lookup(table, each) for each in columns]


def _read_bag(view: GraphView, node: NodeDef) -> list[Lookup] | None:
    source, axes = view.data_inputs(node)
    places, rank = view.constant(axes), view.shape(source).rank
    gather = _read_gather(view, _behind_casts(view, source))
    if gather is None or rank != 3 or places is None or attribute(node, "keep_dims", False):
        return None
    if [int(place) % rank for place in places.reshape(-1)] != [1]:
        return None
    table, ids, rows = gather
    ids, wraps = _without_wrap(view, ids, rows)
    shape = view.shape(ids)
    if shape.rank != 2:
        return None
    combiner: Combiner = "sum" if node.op == "Sum" else "mean"
    source = _without_widening(view, ids)
    if view.dtype(source) not in _INTEGERS:
        return None
    # A mean of no rows is NaN in TensorFlow, so that a bag must be known to have some.
    if combiner == "mean" and not shape[1]:
        return None
    return [Lookup(table, Ids(source, 0, shape[1] or WHOLE, 0, wraps), combiner)]


def _behind_casts(view: GraphView, tensor: str) -> NodeDef:
    """The node that gives a tensor of floats, casts between floats and axes of size 1 left out."""
    node = view.nodes[node_name(view.through_identities(tensor))]
    while node.op == "Cast":
        source = view.data_inputs(node)[0]
        if (
            not view.dtype(source).is_floating
            or not tf.as_dtype(node.attr["DstT"].type).is_floating
        ):
            break
        node = view.nodes[node_name(view.through_identities(source))]
    return node


def _read_gather(view: GraphView, node: NodeDef) -> tuple[str, str, int] | None:
    """The table, ids and number of rows of a gather from a matrix that never changes."""
    if node.op not in _GATHERS or attribute(node, "batch_dims", 0) != 0:
        return None
    inputs = view.data_inputs(node)
    if node.op == "GatherV2":
        axis = view.constant(inputs[2])
        if axis is None or axis.size != 1 or int(axis.reshape(-1)[0]) != 0:
            return None
    table = view.through_identities(inputs[0])
    if view.dtype(inputs[1]) not in _INTEGERS:
        return None
    if node.op == "ResourceGather":
        variable = view.state.constant_variable(view.graph, table)
        shape = None if variable is None else variable.shape
    else:
        shape = view.shape(table) if view.is_constant(table) else None
    if shape is None or shape.rank != 2 or not shape.is_fully_defined() or 0 in shape.as_list():
        return None
    return table, inputs[1], int(shape[0])


def _columns(view: GraphView, ids: str, rows: int) -> list[Ids] | None:
    """Ids for each row that an item of a gather has."""
    ids, wraps = _without_wrap(view, ids, rows)
    shape = view.shape(ids)
    if shape.rank is None or shape.rank < 1 or not shape[1:].is_fully_defined():
        return None
    found = list(_follow(view, ids, _MAX_DEPTH))
    if any(view.dtype(each.tensor) not in _INTEGERS for each in found):
        return None
    return [dataclasses.replace(each, wraps=wraps) for each in found]


def _follow(view: GraphView, tensor: str, depth: int) -> Iterator[Ids]:
    """Where the ids of an item come from, each as if it was a column."""
    tensor = _without_widening(view, tensor)
    shape = view.shape(tensor)
    count = int(np.prod(shape[1:].as_list(), dtype=np.int64))
    node = view.nodes[node_name(tensor)]
    shifted = _shift(view, node, shape) if depth else None
    if shifted is not None:
        source, shifts = shifted
        for each, shift in zip(_follow(view, source, depth - 1), shifts, strict=True):
            yield dataclasses.replace(each, offset=each.offset + int(shift))
        return
    moved = _moved(view, tensor, depth) if depth else None
    if moved is not None:
        yield from moved
        return
    for column in range(count):
        yield Ids(tensor, column)


def _moved(view: GraphView, tensor: str, depth: int) -> list[Ids] | None:
    """The same, if other tensors of ids have only been put together or taken apart."""
    if not carried_inputs(view, view.nodes[node_name(tensor)]):
        return None
    sources = find_sources(view, tensor)
    origins = None if sources is None else find_origins(view, tensor, sources)
    if sources is None or origins is None or (origins.source == ZERO).any():
        return None
    columns = [list(_follow(view, source, depth - 1)) for source in sources]
    places = zip(origins.source.reshape(-1), origins.element.reshape(-1), strict=True)
    return [columns[source][element] for source, element in places]


def _shift(view: GraphView, node: NodeDef, shape: tf.TensorShape) -> tuple[str, np.ndarray] | None:
    """A tensor and the integers that a node adds to its columns."""
    if node.op not in ("Add", "AddV2", "Sub"):
        return None
    inputs = view.data_inputs(node)
    values = [view.constant(each) for each in inputs]
    place = 0 if values[0] is None else 1
    added = values[1 - place]
    if values[place] is not None or added is None or (node.op == "Sub" and place == 1):
        return None
    source, item = inputs[place], shape[1:].as_list()
    if view.shape(source).rank != shape.rank or view.shape(source)[1:].as_list() != item:
        return None
    if added.ndim > len(item) and (added.ndim != shape.rank or added.shape[0] != 1):
        return None
    added = np.broadcast_to(added, (1, *item)).reshape(-1).astype(np.int64)
    return source, -added if node.op == "Sub" else added


def _without_widening(view: GraphView, tensor: str) -> str:
    """A tensor of ids before it was cast from int32 to int64."""
    tensor = view.through_identities(tensor)
    node = view.nodes[node_name(tensor)]
    while node.op == "Cast" and node.attr["SrcT"].type == tf.int32.as_datatype_enum:
        if node.attr["DstT"].type != tf.int64.as_datatype_enum:
            break
        tensor = view.through_identities(view.data_inputs(node)[0])
        node = view.nodes[node_name(tensor)]
    return tensor


def _without_wrap(view: GraphView, ids: str, rows: int) -> tuple[str, bool]:
    """The ids of which negative ones have the number of rows added; whether it is so."""
    ids = _without_widening(view, ids)
    node = view.nodes[node_name(ids)]
    if node.op not in ("SelectV2", "Select"):
        return ids, False
    test, added, kept = (view.through_identities(each) for each in view.data_inputs(node))
    is_negative, sum_ = view.nodes[node_name(test)], view.nodes[node_name(added)]
    if is_negative.op != "Less" or sum_.op not in ("Add", "AddV2"):
        return ids, False
    compared = [view.through_identities(each) for each in view.data_inputs(is_negative)]
    summands = [view.through_identities(each) for each in view.data_inputs(sum_)]
    others = [each for each in summands if each != kept]
    if compared[0] != kept or len(others) != 1 or view.shape(kept).rank != view.shape(ids).rank:
        return ids, False
    wanted = zip((compared[1], others[0]), (0, rows), strict=True)
    for tensor, value in wanted:
        constant = view.constant(tensor)
        if constant is None or constant.size != 1 or int(constant.reshape(-1)[0]) != value:
            return ids, False
    return kept, True
