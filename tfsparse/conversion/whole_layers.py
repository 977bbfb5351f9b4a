"""Finds attention, normalizations and interactions in a function and makes each of them one op.

It comes before products are matched, which then read and give the tensors of these ops.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar

from tfsparse.conversion.attention import Attention, find_attentions
from tfsparse.conversion.control_flow import nodes_in_frames
from tfsparse.conversion.dense_layer import Unmatched
from tfsparse.conversion.graph_view import GraphView, Views
from tfsparse.conversion.interaction import Interaction, find_interactions
from tfsparse.conversion.model_graphs import ModelFunction
from tfsparse.conversion.normalization import Normalization, find_normalizations
from tfsparse.conversion.passes.attend import attend
from tfsparse.conversion.passes.interact import interact
from tfsparse.conversion.passes.normalize import normalize
from tfsparse.conversion.planning import SKIP, Options
from tfsparse.conversion.report import WholeLayerReport
from tfsparse.conversion.request import Request
from tfsparse.conversion.state import State
from tfsparse.conversion.tables import Tables

_Layer = TypeVar("_Layer", Attention, Normalization, Interaction)


def make_whole_layers(
    function: ModelFunction, state: State, options: Options, request: Request, tables: Tables
) -> list[WholeLayerReport]:
    """Replaces attention, normalizations and interactions of a function.

    Args:
        function: The function. Its graphs are changed in place.
        state: The model's variables.
        options: What was asked for. In BF16 attention multiplies bfloat16 where the processor
            does so faster. In INT8 it multiplies uint8 queries and keys as bytes where there is
            AVX-512 VNNI, and bfloat16 beside them. Sums and softmax are float32.
        request: Whose ops the model is written in (in TensorFlow's, all of them stay), and what
            becomes of tables.
        tables: Where tables in fewer bits are put.

    Returns:
        A row for each of them, also for those that stay.
    """
    rows: list[WholeLayerReport] = []
    ours = request.ops == "tfsparse"
    faster = {
        "fp32": False,
        "bf16": options.target.peak["bf16"] > 1,
        "int8": options.target.avx512_vnni,
    }
    compute = "bfloat16" if faster[options.precision] else "float32"
    for graph in list(function.graph.all_graphs()):
        view = Views(state).of(graph)
        frames = nodes_in_frames(graph)
        attentions, others = find_attentions(view)
        attentions, kept = _chosen(attentions, frames, options, ours)
        others += kept
        attend(attentions, compute)
        view = Views(state).of(graph)
        norms, beside = find_normalizations(view)
        norms, kept = _chosen(norms, frames, options, ours)
        beside += kept
        normalize(norms)
        view = Views(state).of(graph)
        pairs, apart = find_interactions(view)
        pairs, kept = _chosen(pairs, frames, options, ours)
        apart += kept
        pairs, kept = interact(view, pairs, tables, request.embeddings)
        apart += kept
        rows += _rows("attention", attentions, others, function.signatures)
        rows += _rows("normalization", norms, beside, function.signatures)
        rows += _rows("interaction", pairs, apart, function.signatures)
    return rows


def find_whole_layers(
    function: ModelFunction, state: State, options: Options
) -> tuple[list[WholeLayerReport], set[tuple[int, str]]]:
    """What `make_whole_layers` would make of a function, which stays as it is.

    It does not look at the types of an interaction's tables, which may keep it from being made.

    Returns:
        The rows, and the nodes that would fall away: the id of their graph, and their name.
    """
    rows: list[WholeLayerReport] = []
    absorbed: set[tuple[int, str]] = set()
    for graph in function.graph.all_graphs():
        view = Views(state).of(graph)
        frames = nodes_in_frames(graph)
        for kind, find in _FINDERS.items():
            found, others = find(view)
            found, kept = _chosen(found, frames, options, ours=True)
            absorbed |= {(id(graph), name) for each in found for name in each.absorbed}
            rows += _rows(kind, found, [*others, *kept], function.signatures)
    return rows, absorbed


def _chosen(
    found: list[_Layer], frames: Collection[str], options: Options, ours: bool
) -> tuple[list[_Layer], list[Unmatched]]:
    """The layers that become one op, and those that stay though they could."""
    chosen: list[_Layer] = []
    kept: list[Unmatched] = []
    for each in found:
        skips = options.override(each.name) == SKIP
        reason = None if ours else "stays what it is: ops of TensorFlow"
        if skips:
            reason = "skipped by `overrides`"
        if not set(frames).isdisjoint(each.absorbed):
            reason = "it is inside a loop or branch of TF1"
        if reason is None:
            chosen.append(each)
        else:
            kept.append(Unmatched(each.name, each.graph, each.result, reason))
    return chosen, kept


def _rows(
    kind: str,
    found: Sequence[Attention] | Sequence[Normalization] | Sequence[Interaction],
    stayed: Sequence[Unmatched],
    signatures: tuple[str, ...],
) -> Iterator[WholeLayerReport]:
    for each in found:
        yield WholeLayerReport(each.name, kind, each.result, signatures, True, "one op")
    for other in stayed:
        yield WholeLayerReport(other.name, kind, other.node, signatures, False, other.reason)


_FINDERS: dict[str, Callable[[GraphView], tuple[list[Any], list[Unmatched]]]] = {
    "attention": find_attentions,
    "normalization": find_normalizations,
    "interaction": find_interactions,
}
