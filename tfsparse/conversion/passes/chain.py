"""Lets layers that follow each other run as one op, tile by tile.

Where nothing but the next layer reads a layer's result, the two become one op, and so on along
the run: a perceptron, the two products of a transformer's FFN. A tile of rows then goes through
all of them while it is in the cache, in the layout that the kernels want. The result is the same
to the last bit, so this needs no cost model. It comes last, when INT8 ops pass uint8 to each other
already: only those join.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import tensorflow as tf

from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.op_interface import (
    CHAIN_OF,
    FLOAT_OP,
    INT8_OP,
    MAX_LAYERS,
    X,
    chain_node,
    place_of,
)


def chain_layers(view: GraphView, ops: Collection[str]) -> dict[str, list[str]]:
    """Puts one op in the place of ops that follow each other.

    Args:
        view: View of a rewritten graph, in which INT8 ops pass uint8 to each other. The
            graph is changed in place.
        ops: Names of the nodes that rewriting made. Ops that the model had before stay.

    Returns:
        For each chain, by its name, which is that of its last op, the names of the ops that it
        stands for, in order.
    """
    graph = view.graph
    runs = [run for run in _runs(view, ops) if len(run) > 1]
    for run in runs:
        members = [graph.nodes[name] for name in run]
        node = chain_node(members, graph.waits_of(run))
        for name in run:
            del graph.nodes[name]
        graph.add(node)
    graph.prune()
    return {run[-1]: run for run in runs}


def _runs(view: GraphView, ops: Collection[str]) -> Iterator[list[str]]:
    """The ops, those together that follow each other."""
    names = [node.name for node in view.nodes.values() if node.name in ops and node.op in CHAIN_OF]
    following = {
        name: reader
        for name in names
        if (reader := _follower(view, view.nodes[name])) is not None and reader in ops
    }
    begun = set(following.values())
    for name in names:
        if name in begun:
            continue
        run = [name]
        while run[-1] in following:
            run.append(following[run[-1]])
        yield from (run[i : i + MAX_LAYERS] for i in range(0, len(run), MAX_LAYERS))


def _follower(view: GraphView, node: NodeDef) -> str | None:
    """The op that alone reads an op's result, as its x, if the two can be one."""
    reader = view.sole_reader(f"{node.name}:0")
    while reader is not None and reader.node.op == "Identity" and len(reader.node.input) == 1:
        reader = view.sole_reader(f"{reader.node.name}:0")
    if reader is None or reader.node.op != node.op or reader.index != X:
        return None
    if reader.node.attr["x_axes"].i != max(1, len(node.attr["y_axes"].list.i)):
        return None
    # Of a float op's weights. An int8 op has none: to look would be to add one.
    if node.op == FLOAT_OP and reader.node.attr["T"].type != node.attr["T"].type:
        return None
    if node.op == INT8_OP and node.attr["Tout"].type != tf.uint8.as_datatype_enum:
        return None
    residual = view.constant(view.data_inputs(node)[place_of(node.op, "residual")])
    return str(reader.node.name) if residual is not None and residual.size == 0 else None
