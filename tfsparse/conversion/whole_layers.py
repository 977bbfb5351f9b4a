"""Finds attention and normalizations in all graphs of a function and makes each of them one op.

It comes before products are matched, which then read and give the tensors of these ops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfsparse.conversion.attention import Attention, find_attentions
from tfsparse.conversion.control_flow import nodes_in_frames
from tfsparse.conversion.dense_layer import Unmatched
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.model_graphs import ModelFunction
from tfsparse.conversion.normalization import Normalization, find_normalizations
from tfsparse.conversion.passes.attend import attend
from tfsparse.conversion.passes.normalize import normalize
from tfsparse.conversion.report import WholeLayerReport
from tfsparse.conversion.state import State


def make_whole_layers(function: ModelFunction, state: State) -> list[WholeLayerReport]:
    """Replaces attention and normalizations of a function.

    Args:
        function: The function. Its graphs are changed in place.
        state: The model's variables.

    Returns:
        A row for each of them, also for those that stay.
    """
    rows: list[WholeLayerReport] = []
    for graph in list(function.graph.all_graphs()):
        view = Views(state).of(graph)
        frames = nodes_in_frames(graph)
        attentions, others = find_attentions(view)
        attentions = [each for each in attentions if frames.isdisjoint(each.absorbed)]
        attend(attentions)
        view = Views(state).of(graph)
        norms, beside = find_normalizations(view)
        norms = [each for each in norms if frames.isdisjoint(each.absorbed)]
        normalize(norms)
        rows += _rows("attention", attentions, others, function.signatures)
        rows += _rows("normalization", norms, beside, function.signatures)
    return rows


def _rows(
    kind: str,
    found: Sequence[Attention] | Sequence[Normalization],
    stayed: Sequence[Unmatched],
    signatures: tuple[str, ...],
) -> Iterator[WholeLayerReport]:
    for each in found:
        yield WholeLayerReport(each.name, kind, each.result, signatures, True, "one op")
    for other in stayed:
        yield WholeLayerReport(other.name, kind, other.node, signatures, False, other.reason)
