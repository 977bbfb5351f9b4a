"""Lets layers that follow each other run as one op, tile by tile.

Where nothing but the next layer reads a layer's result, the two become one op, and so on along
the run: a perceptron, the two products of a transformer's FFN. A tile of rows then goes through
all of them while it is in the cache, in the layout that the kernels want. The result is the same
to the last bit, so this needs no cost model. It comes last, when INT8 ops hand each other u8
already: only those join.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import tensorflow as tf

from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_view import GraphView, NodeDef, node_name
from tfsparse.conversion.rewriting import FLOAT_OP, INT8_OP

MOST_LAYERS = 16
"""As many layers a chain may have (custom_ops/matmul/matmul_call.h)."""

_CHAIN_OF = {
    FLOAT_OP: "Tfsparse>BlockSparseMatMulChain",
    INT8_OP: "Tfsparse>QuantizedBlockSparseMatMulChain",
}

# An op's inputs behind x, in order: those that a chain has of each layer, up to the bias, and
# those that it has of the last layer only, from the residual on.
_RESIDUAL = {FLOAT_OP: 5, INT8_OP: 8}


def chain_layers(
    graph: FrozenGraph, ops: Collection[str]
) -> tuple[FrozenGraph, dict[str, list[str]]]:
    """Puts one op in the place of ops that follow each other.

    Args:
        graph: A rewritten graph, in which INT8 ops hand each other u8. It is not changed.
        ops: Names of the nodes that rewriting made. Ops that the model had before stay.

    Returns:
        The graph with chains, which have the names of their last ops, and for each of these
        names those of the ops that it stands for, in order.
    """
    view = GraphView(graph)
    runs = [run for run in _runs(view, ops) if len(run) > 1]
    chains = {run[-1]: run for run in runs}
    gone = {name for run in runs for name in run[:-1]}
    graph_def = tf.compat.v1.GraphDef()
    graph_def.versions.CopyFrom(graph.graph_def.versions)
    graph_def.library.CopyFrom(graph.graph_def.library)
    for node in graph.graph_def.node:
        if node.name in chains:
            graph_def.node.append(_chain([view.nodes[name] for name in chains[node.name]]))
        elif node.name not in gone:
            graph_def.node.append(node)
    roots = {node_name(tensor) for tensor in graph.outputs.values()}
    return graph.with_graph_def(graph_def).reduced_to(roots), chains


def _runs(view: GraphView, ops: Collection[str]) -> Iterator[list[str]]:
    """The ops, those together that follow each other."""
    names = [node.name for node in view.nodes.values() if node.name in ops]
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
        yield from (run[i : i + MOST_LAYERS] for i in range(0, len(run), MOST_LAYERS))


def _follower(view: GraphView, node: NodeDef) -> str | None:
    """The op that alone reads an op's result, as its x, if the two can be one."""
    reader = view.sole_reader(f"{node.name}:0")
    while reader is not None and reader.node.op == "Identity" and len(reader.node.input) == 1:
        reader = view.sole_reader(f"{reader.node.name}:0")
    if reader is None or reader.node.op != node.op or reader.index != 0:
        return None
    # Of a float op's weights. An int8 op has none: to look would be to add one.
    if node.op == FLOAT_OP and reader.node.attr["T"].type != node.attr["T"].type:
        return None
    if node.op == INT8_OP and node.attr["Tout"].type != tf.uint8.as_datatype_enum:
        return None
    residual = view.constant(view.data_inputs(node)[_RESIDUAL[node.op]])
    return str(reader.node.name) if residual is not None and residual.size == 0 else None


def _chain(ops: Sequence[NodeDef]) -> NodeDef:
    first, last = ops[0], ops[-1]
    node = tf.compat.v1.NodeDef(name=last.name, op=_CHAIN_OF[last.op])
    residual = _RESIDUAL[last.op]
    node.input.append(first.input[0])
    for place in range(1, residual):
        node.input.extend(op.input[place] for op in ops)
    node.input.extend(ref for ref in last.input[residual:] if not ref.startswith("^"))
    node.input.extend(_control_inputs(ops))
    node.attr["N"].i = len(ops)
    node.attr["units"].list.i.extend(op.attr["units"].i for op in ops)
    node.attr["activations"].list.s.extend(op.attr["activation"].s for op in ops)
    node.attr["is_weight_const"].b = True
    if last.op == INT8_OP:
        node.attr["Tin"].CopyFrom(first.attr["Tin"])
        node.attr["Tout"].CopyFrom(last.attr["Tout"])
    else:
        node.attr["T"].CopyFrom(last.attr["T"])
    return node


def _control_inputs(ops: Sequence[NodeDef]) -> list[str]:
    members = {op.name for op in ops}
    edges = {ref for op in ops for ref in op.input if ref.startswith("^")}
    return sorted(ref for ref in edges if node_name(ref) not in members)
