"""Where the elements of a tensor come from, if all that happens to them is that they are moved.

Why: a graph picks the pairs of a dot interaction by a gather of a flat triangle, a boolean mask, a
product by zeros and ones, slices and a concatenation, and stacks what is looked up in as many ways.
No list of spellings is complete, and the meaning of all of them is one table: for each element of
the result, which element of which source it is, or that it is zero.

How: two questions are answered apart. Whether elements are only moved is decided by the ops between
sources and result: each must pass values on, at the inputs that hold them, whatever the values
are; a mask or an index may come from constants and shapes alone. What goes where is then found by
running that part of the graph on numbered elements. Numbers are written as digits small enough for
half precision, one run a digit, and a last run on random values must confirm what was found.

Contract: the first axis of all sources and of the result is the batch, one and the same, and no
element comes from another item of the batch. An open batch is tried with two sizes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfsparse.conversion.carriers import CARRIERS, MOST_NODES, SHAPES
from tfsparse.conversion.graph import Graph, NodeDef, node_name, tensor_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.importing import import_graph
from tfsparse.conversion.numbered_elements import ZERO, is_confirmed, read_numbers
from tfsparse.conversion.state import array_of

_OPEN_BATCHES = (3, 2)
_MOST_BYTES = 1 << 28
"""Bytes of sources that are numbered, of all items of a fixed batch."""


@dataclasses.dataclass(frozen=True, eq=False)
class Origins:
    """For each element of an item of a tensor, where it comes from.

    Attributes:
        source: int array of the shape of an item: the place of a source in a list, or `ZERO`.
        element: int array of the same shape: the place of an element in the source's item, as if
            it was flat; 0 for zeros.
    """

    source: np.ndarray
    element: np.ndarray


def find_origins(
    view: GraphView,
    tensor: str,
    sources: Sequence[str],
    items: Mapping[str, tuple[int, ...]] | None = None,
) -> Origins | None:
    """Finds out where the elements of a tensor come from.

    Args:
        view: The graph.
        tensor: Name of a tensor ``(batch, ...)``.
        sources: Names of tensors ``(batch, ...)`` of floats or integers, with items of fixed
            shapes.
        items: Shapes of items of sources, where they are known better than from the graph.

    Returns:
        Where they come from; None if anything else happens to them on the way.
    """
    part = _Part(view, tensor, sources, items)
    return part.origins() if part.is_moved else None


def batch_of(view: GraphView, tensor: str) -> int | None:
    """The size of a tensor's first axis; that of open axes are numbers that no other axis has."""
    shape = view.shape(tensor)
    if shape.rank is None or shape.rank < 1:
        return None
    if shape[0] is not None:
        return int(shape[0])
    tried = view.tried_shape(tensor)
    return None if tried is None or tried.rank is None or tried[0] is None else int(tried[0])


class _Part:
    """The nodes between sources and a tensor.

    Attributes:
        is_moved: Whether they only move elements.
        between: Names of the nodes that pass elements on.
    """

    def __init__(
        self,
        view: GraphView,
        tensor: str,
        sources: Sequence[str],
        items: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        self._view = view
        self._tensor = tensor
        self._sources = list(dict.fromkeys(sources))
        self._given = list(sources)
        self._kinds: dict[str, str | None] = dict.fromkeys(self._sources, "carried")
        self._nodes: dict[str, NodeDef] = {}
        self._constants: dict[str, str] = {}
        self._shapes: dict[str, str] = {}
        batches = {batch_of(view, source) for source in self._sources}
        self._batch = batches.pop() if len(batches) == 1 else None
        known_items = items or {}
        found = [known_items.get(each) or self._item(each) for each in self._sources]
        self._items = [item for item in found if item is not None]
        known = self._batch is not None and len(self._items) == len(found)
        self.is_moved = known and self._kind(tensor) == "carried"

    def _item(self, source: str) -> tuple[int, ...] | None:
        shape = self._view.shape(source)
        if shape.rank is None or shape.rank < 1 or not shape[1:].is_fully_defined():
            return None
        dtype = self._view.dtype(source)
        if not (dtype.is_floating or dtype in (tf.int32, tf.int64)):
            return None
        return tuple(shape[1:].as_list())

    @property
    def between(self) -> set[str]:
        """Names of the nodes that pass elements on."""
        return {node_name(each) for each, kind in self._kinds.items() if kind == "carried"} - {
            node_name(source) for source in self._sources
        }

    def _kind(self, tensor: str) -> str | None:
        """What a tensor has to do with the elements of sources.

        It is "carried" if it has some of them, and "still" if it does not depend on their values.
        """
        if tensor in self._kinds:
            return self._kinds[tensor]
        self._kinds[tensor] = None
        if len(self._kinds) <= MOST_NODES:
            self._kinds[tensor] = self._read(tensor)
        return self._kinds[tensor]

    def _read(self, tensor: str) -> str | None:
        view, node = self._view, self._view.nodes[node_name(tensor)]
        if view.is_constant(tensor):
            # Its value is read where it is needed: this may be a table that is only looked up in.
            self._constants[node.name] = tensor
            return "still" if tensor.endswith(":0") else None
        if node.op == "Placeholder" or view.is_stateful(node) or node.name in view.graph.captures:
            return None
        inputs = view.data_inputs(node)
        if not inputs:
            return None
        kinds = [self._kind(each) for each in inputs]
        if node.op in SHAPES:
            if None not in kinds:
                self._nodes[node.name] = node
                return "still"
            return self._still_shape(node, inputs[0])
        if None in kinds:
            return None
        self._nodes[node.name] = node
        if "carried" not in kinds:
            return "still"
        places = CARRIERS.get(node.op)
        if places is None:
            return None
        carried = {place for place, kind in enumerate(kinds) if kind == "carried"}
        alone = node.op != "Mul" or len(carried) == 1
        return "carried" if alone and carried <= set(places(len(inputs))) else None

    def _still_shape(self, node: NodeDef, tensor: str) -> str | None:
        """The shape of a tensor that is not made of the sources: its batch is that of theirs."""
        tried = self._view.tried_shape(tensor)
        if node.op != "Shape" or tried is None or not tried.is_fully_defined():
            return None
        static = self._view.shape(tensor).as_list()
        for size, number in zip(static, tried.as_list(), strict=True):
            if size is None and number != self._batch:
                return None
        self._shapes[node.name] = tensor
        return "still"

    def origins(self) -> Origins | None:
        """What running it shows."""
        fixed = [self._view.shape(source)[0] for source in self._sources]
        open_ = None in fixed
        sizes = _OPEN_BATCHES if open_ else (fixed[0],)
        elements = sum(int(np.prod(item, dtype=np.int64)) for item in self._items)
        if sizes[0] * elements * 8 > _MOST_BYTES:
            return None
        try:
            run = self._runner(None if open_ else sizes[0])
            first, *others = (self._origins(run, size) for size in sizes)
        except (tf.errors.OpError, ValueError):
            return None  # Sizes that do not fit: a batch that cannot be any number.
        if first is None or any(each is None or not _same(first, each) for each in others):
            return None
        return first

    def _runner(self, batch: int | None) -> Callable[[Sequence[np.ndarray], int], np.ndarray]:
        names = [f"source_{place}" for place in range(len(self._sources))]
        places = dict(zip(self._sources, names, strict=True))
        nodes = self._nodes_that_are_read(places)
        # `import_graph` asks for what all names stand for that are fed.
        result = places.get(self._tensor, self._tensor)
        part = Graph(nodes, [], [result], library=self._view.graph.library)
        shapes = list(self._shapes)
        specs = [
            *(
                tf.TensorSpec((batch, *item), self._view.dtype(source))
                for source, item in zip(self._sources, self._items, strict=True)
            ),
            *(
                tf.TensorSpec((self._view.shape(tensor).rank,), self._view.dtype(f"{name}:0"))
                for name, tensor in self._shapes.items()
            ),
        ]

        def traced(*values: tf.Tensor) -> tf.Tensor:
            feeds = dict(zip([*names, *shapes], values, strict=True))
            return import_graph(part, feeds, [result], name="part")[result]

        concrete = tf.function(traced, autograph=False).get_concrete_function(*specs)

        def run(values: Sequence[np.ndarray], size: int) -> np.ndarray:
            sizes = [
                [size if each is None else each for each in self._view.shape(tensor).as_list()]
                for tensor in self._shapes.values()
            ]
            given = [
                tf.cast(value, spec.dtype)
                for value, spec in zip([*values, *sizes], specs, strict=True)
            ]
            return array_of(tf.cast(concrete(*given), tf.float32))

        return run

    def _nodes_that_are_read(self, places: Mapping[str, str]) -> dict[str, NodeDef]:
        """The nodes that the result depends on, constants among them, in which sources have names.

        Args:
            places: The name of each source.

        Raises:
            ValueError: If there are more than `_MOST_BYTES` of constants.
        """
        nodes: dict[str, NodeDef] = {}
        pending, room = [self._tensor], _MOST_BYTES
        while pending:
            tensor = pending.pop()
            name = node_name(tensor)
            if tensor in places or name in nodes or name in self._shapes:
                continue
            if name in self._constants:
                value = self._view.constant(self._constants[name])
                assert value is not None
                room -= value.nbytes
                if room < 0:
                    raise ValueError(f"constants should be {_MOST_BYTES} bytes at most")
                nodes[name] = _constant(name, value)
                continue
            node = tf.compat.v1.NodeDef()
            node.CopyFrom(self._nodes[name])
            tensors = [tensor_name(ref) for ref in node.input if not ref.startswith("^")]
            del node.input[:]
            node.input.extend(places.get(each, each) for each in tensors)
            nodes[name] = node
            pending += tensors
        return nodes

    def _origins(self, run: Callable[..., np.ndarray], size: int) -> Origins | None:
        counts = [int(np.prod(item, dtype=np.int64)) for item in self._items]
        first = np.cumsum([0, *counts])
        number = [
            np.broadcast_to(np.arange(begin, begin + count).reshape(1, *item), (size, *item))
            for begin, count, item in zip(first, counts, self._items, strict=False)
        ]
        items = [
            np.broadcast_to(np.arange(size).reshape(size, *[1] * len(item)), (size, *item))
            for item in self._items
        ]
        numbers = read_numbers(run, number, size, int(first[-1]))
        batches = read_numbers(run, items, size, size)
        if numbers.ndim < 1 or numbers.shape[0] != size or (numbers != numbers[:1]).any():
            return None
        own = np.arange(size).reshape(size, *[1] * (numbers.ndim - 1))
        zero = numbers[0] == ZERO
        if ((batches != own) & ~zero).any() or (numbers[0] >= first[-1]).any():
            return None
        if not is_confirmed(run, self._items, numbers[0], size):
            return None
        source = np.searchsorted(first, numbers[0], side="right") - 1
        element = np.where(zero, 0, numbers[0] - first[source])
        named = np.asarray([self._given.index(each) for each in self._sources])
        return Origins(np.where(zero, ZERO, named[source]), element)


def _constant(name: str, value: np.ndarray) -> NodeDef:
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def _same(one: Origins, other: Origins) -> bool:
    return np.array_equal(one.source, other.source) and np.array_equal(one.element, other.element)


def carried_by(
    view: GraphView,
    tensor: str,
    sources: Sequence[str],
    items: Mapping[str, tuple[int, ...]] | None = None,
) -> set[str]:
    """Names of the nodes that pass elements of sources on to a tensor; see `find_origins`."""
    return _Part(view, tensor, sources, items).between
