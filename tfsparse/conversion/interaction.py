"""Finds dot interactions: lookups, dot products of all pairs of vectors, and a concatenation.

Why: this is what lies between the perceptrons of a DLRM, and what its time goes into: 26 gathers, a
stack, a product of small matrices, a gather of the lower triangle, a concatenation.

How: it begins at a product of a matrix with its own transpose. What its rows are is asked of
`moved_elements`: each must be one vector, looked up in a table or dense, wherever it was stacked.
Which of the products go where in a result behind it is asked likewise, for the furthest tensor
``(batch, columns)`` that holds nothing but products, whole vectors and zeros. So nothing depends on
how stacking, picking and concatenating are spelled.

Contract: an interaction is found only where nothing but its result reads the dot products. Nothing
is changed here. What looks like an interaction and stays is returned with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfsparse.conversion.carriers import find_sources, followers
from tfsparse.conversion.contraction import Contraction, read_contraction
from tfsparse.conversion.dense_layer import Unmatched
from tfsparse.conversion.graph import Graph, NodeDef, node_name
from tfsparse.conversion.graph_view import CONTROL, GraphView
from tfsparse.conversion.layer_name import layer_name
from tfsparse.conversion.lookups import Lookup, read_lookups
from tfsparse.conversion.moved_elements import Origins, carried_by, find_origins
from tfsparse.conversion.numbered_elements import ZERO

MAX_FEATURES = 4096
MAX_ENTRIES = 1 << 20
"""As many vectors and entries of a result the op takes (custom_ops/interaction)."""

DENSE = 0
"""The place of the vector that is not looked up."""

Entry = tuple[int, int]
"""What stands in a result: the dot product of two vectors by their places, a whole vector as
``(place, -1)``, or a zero as ``(-1, -1)``."""


@dataclasses.dataclass(frozen=True, eq=False)
class Interaction:
    """An interaction found in a graph.

    Attributes:
        name: The layer's name as the user knows it.
        graph: The graph that it stands in.
        dense: Name of the tensor ``(batch, ...)`` of the vector that is not looked up, or None.
        lookups: The other vectors, which have the places 1 and up.
        entries: What stands in an item of the result, in its order.
        result: Name of the node that gives the result, ``(batch, columns)``.
        absorbed: Names of the nodes that it stands for.
        dtype: Type of the result's elements.
    """

    name: str
    graph: Graph
    dense: str | None
    lookups: tuple[Lookup, ...]
    entries: tuple[Entry, ...]
    result: str
    absorbed: tuple[str, ...]
    dtype: tf.DType


class _StaysError(Exception):
    """Why a product that looks like an interaction stays."""


def find_interactions(view: GraphView) -> tuple[list[Interaction], list[Unmatched]]:
    """Finds the interactions of a graph.

    Args:
        view: The graph.

    Returns:
        ``(found, unmatched)``, each in the order of the graph.
    """
    found: list[Interaction] = []
    unmatched: list[Unmatched] = []
    for node in list(view.nodes.values()):
        product = read_contraction(view, node)
        if product is None or not _is_of_pairs(view, product):
            continue
        name = layer_name(view.state.layer_scope(node.name), None)
        try:
            read = _read(view, node, product, name)
        except _StaysError as error:
            unmatched.append(Unmatched(name, view.graph, node.name, str(error)))
            continue
        found += [] if read is None else [read]
    return found, unmatched


def _is_of_pairs(view: GraphView, product: Contraction) -> bool:
    """Whether a product is one of two equally large matrices of vectors, item by item."""
    one, other = product.labels
    shared = [label for label in one if label in other]
    if len(one) != 3 or len(other) != 3 or len(product.result) != 3 or len(shared) != 2:
        return False
    batch = product.result[0]
    if not one[0] == other[0] == batch:
        return False
    sizes = [view.shape(tensor)[labels.index(_own(labels, shared))]
             for tensor, labels in zip(product.factors, product.labels, strict=True)]  # fmt: skip
    return bool(sizes[0] == sizes[1])


def _own(labels: tuple[str, ...], shared: list[str]) -> str:
    return next(label for label in labels if label not in shared)


def _vectors(view: GraphView, product: Contraction, place: int) -> tuple[list[str], Origins]:
    """The sources of one factor, and where its vectors come from, one in each row."""
    tensor, labels = product.factors[place], product.labels[place]
    sources = find_sources(view, tensor)
    origins = None if sources is None else find_origins(view, tensor, sources)
    if sources is None or origins is None:
        raise _StaysError("something else happens to its vectors than that they are moved")
    own = _own(labels, [label for label in labels if label in product.labels[1 - place]])
    if labels.index(own) == 1:
        return sources, origins
    return sources, Origins(origins.source.T, origins.element.T)


def _read(view: GraphView, node: NodeDef, product: Contraction, name: str) -> Interaction | None:
    try:
        rows = _rows_of_both(view, product)
    except _StaysError:
        if _looks_up(view, product):
            raise
        return None  # Any product of a matrix with another one.
    if rows is None:
        return None
    if len(rows) > MAX_FEATURES:
        raise _StaysError(f"it has {len(rows)} vectors, more than {MAX_FEATURES}")
    products = f"{node.name}:0"
    results = [products, *followers(view, products)]
    reason = "its dot products do not become a matrix of one row an item"
    for result in reversed(results):
        maker = view.nodes[node_name(result)]
        # A node that gives several tensors, such as a split, cannot give way to an op of one.
        is_alone = len(view.results(maker)) == 1
        if view.shape(result).rank != 2 or maker.op == "Identity" or not is_alone:
            continue
        try:
            return _made(view, products, result, list(rows), name)
        except _StaysError as error:
            reason = str(error)
    raise _StaysError(reason)


def _rows_of_both(view: GraphView, product: Contraction) -> list[_Row] | None:
    """The vectors of both factors; None if none of them is looked up."""
    vectors = _Vectors(view)
    rows, others = (vectors.rows_of(*_vectors(view, product, place)) for place in (0, 1))
    if rows != others:
        raise _StaysError("it multiplies vectors by others, or by the same in another order")
    return rows if vectors.lookups else None


def _looks_up(view: GraphView, product: Contraction) -> bool:
    """Whether any of the vectors of a product are rows of tables."""
    sources = {each for factor in product.factors for each in find_sources(view, factor) or ()}
    return any(read_lookups(view, source) is not None for source in sources)


def _made(view: GraphView, products: str, result: str, rows: list[_Row], name: str) -> Interaction:
    sources = find_sources(view, result)
    items = {products: (len(rows), len(rows))}
    origins = None if sources is None else find_origins(view, result, sources, items)
    if sources is None or origins is None or products not in sources:
        raise _StaysError("something else happens to its dot products")
    absorbed = {node_name(products), *carried_by(view, result, sources, items)}
    _check_readers(view, products, result, absorbed)
    vectors = _Vectors(view)
    entries = tuple(vectors.entries(sources, origins, products, rows))
    if len(entries) > MAX_ENTRIES:
        raise _StaysError(f"its result has more than {MAX_ENTRIES} entries")
    return Interaction(
        name,
        view.graph,
        vectors.dense,
        tuple(vectors.lookups),
        entries,
        node_name(result),
        tuple(sorted(absorbed)),
        view.dtype(result),
    )


def _check_readers(view: GraphView, products: str, result: str, absorbed: set[str]) -> None:
    """Whether nothing else reads the dot products, on the way to a result."""
    pending, seen = [products], {products}
    while pending:
        tensor = pending.pop()
        if tensor == result:
            continue
        if view.is_output(tensor):
            raise _StaysError("its dot products are a result of the model")
        for reader in view.readers(tensor):
            if reader.index == CONTROL:
                continue
            if reader.node.name not in absorbed and reader.node.op != "Identity":
                if _only_for(view, reader.node, absorbed):
                    continue
                raise _StaysError("something else reads its dot products")
            moved = [each for each in view.results(reader.node) if each not in seen]
            seen.update(moved)
            pending += moved


def _only_for(view: GraphView, node: NodeDef, absorbed: set[str]) -> bool:
    """Whether a node, such as one that asks for a shape, serves only nodes that are absorbed."""
    pending, seen = [node], {node.name}
    while pending:
        current = pending.pop()
        results = view.results(current)
        if any(map(view.is_output, results)) or view.is_stateful(current):
            return False
        for reader in (each for tensor in results for each in view.readers(tensor)):
            if reader.node.name not in absorbed and reader.node.name not in seen:
                seen.add(reader.node.name)
                pending.append(reader.node)
    return True


_Row = tuple[str, int, int]
"""A vector: its source, its first element in an item of that, and its width."""


class _Vectors:
    """The vectors of an interaction, each with a place.

    Attributes:
        dense: The tensor of the one that is not looked up.
        lookups: The others.
    """

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self._places: dict[_Row, int] = {}
        self._read: dict[str, list[Lookup] | None] = {}
        self.dense: str | None = None
        self.lookups: list[Lookup] = []

    def rows_of(self, sources: list[str], origins: Origins) -> list[_Row]:
        """The rows of a matrix of vectors, each one whole vector."""
        if origins.source.ndim != 2:
            raise _StaysError("its vectors are no rows of a matrix")
        rows: list[_Row] = []
        for source, elements in zip(origins.source, origins.element, strict=True):
            width = len(elements)
            first = int(elements[0])
            if source[0] == ZERO or (source != source[0]).any():
                raise _StaysError("it multiplies zeros or parts of vectors")
            if (elements != first + np.arange(width)).any():
                raise _StaysError("it multiplies parts of vectors")
            row = (sources[int(source[0])], first, width)
            if self._place(row) is None:
                raise _StaysError("several of its vectors are not whole rows of tables")
            rows.append(row)
        return rows

    def entries(
        self, sources: list[str], origins: Origins, products: str, rows: list[_Row]
    ) -> Iterator[Entry]:
        """What stands in a result."""
        places = [self._place(row) for row in rows]
        if None in places:
            raise _StaysError("several of its vectors are not whole rows of tables")
        of_products = sources.index(products)
        column, count = 0, origins.source.size
        while column < count:
            source, element = int(origins.source[column]), int(origins.element[column])
            if source == ZERO:
                yield (-1, -1)
                column += 1
            elif source == of_products:
                pair = sorted(places[place] or 0 for place in divmod(element, len(rows)))
                yield (pair[1], pair[0])
                column += 1
            else:
                row = self._whole(sources[source], element)
                run = slice(column, column + row[2])
                expected = row[1] + np.arange(row[2])
                whole = (origins.source[run] == source).all()
                if not whole or not np.array_equal(origins.element[run], expected):
                    raise _StaysError("its result holds parts of vectors")
                place = self._place(row)
                if place is None:
                    raise _StaysError("several of its vectors are not whole rows of tables")
                yield (place, -1)
                column += row[2]

    def _whole(self, source: str, element: int) -> _Row:
        """The vector of a source that begins at an element."""
        shape = self._view.shape(source)[1:].as_list()
        lookups = self._lookups(source)
        width = int(np.prod(shape)) if lookups is None else int(shape[-1])
        if element % width:
            raise _StaysError("its result holds parts of vectors")
        return (source, element, width)

    def _lookups(self, source: str) -> list[Lookup] | None:
        if source not in self._read:
            self._read[source] = read_lookups(self._view, source)
        return self._read[source]

    def _place(self, row: _Row) -> int | None:
        """The place of a vector, a new one if it has none; None if it cannot have one."""
        if row in self._places:
            return self._places[row]
        source, first, width = row
        shape = self._view.shape(source)[1:].as_list()
        lookups = self._lookups(source)
        if lookups is not None:
            if first % width or width != shape[-1]:
                return None
            self.lookups.append(lookups[first // width])
            self._places[row] = len(self.lookups)
        elif self.dense is None and width == int(np.prod(shape)):
            self.dense = source
            self._places[row] = DENSE
        else:
            return None
        return self._places[row]
