"""The conversion of a model: the passes in their order, over all of its functions."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

from tfsparse.conversion.dense_layer import DenseLayer, Unmatched
from tfsparse.conversion.function_calibration import calibration_of
from tfsparse.conversion.graph import Graph, NodeDef
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.model_graphs import ModelFunction, ModelGraphs
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.passes.chain import chain_layers
from tfsparse.conversion.passes.clean import clean
from tfsparse.conversion.passes.embed import embed_small_variables
from tfsparse.conversion.passes.fold_norms import fold_norms
from tfsparse.conversion.passes.gate_channels import gate_channels
from tfsparse.conversion.passes.match import find_dense_layers, find_depthwise
from tfsparse.conversion.passes.normalize_uint8 import normalize_uint8
from tfsparse.conversion.passes.pool_uint8 import pool_uint8
from tfsparse.conversion.passes.propagate_uint8 import propagate_uint8
from tfsparse.conversion.passes.quantize import Calibration
from tfsparse.conversion.passes.rewrite import rewrite
from tfsparse.conversion.passes.rewrite_standard import (
    refuse_our_ops,
    rewrite_standard,
    standard_plan,
)
from tfsparse.conversion.passes.scale_channels import scale_channels
from tfsparse.conversion.passes.size_axes import size_axes, sizes_of_axes
from tfsparse.conversion.planning import Options, Plan, Planner, check_overrides
from tfsparse.conversion.precision_choice import choose_precisions, plan_all
from tfsparse.conversion.report import ConversionReport, OpReport, WholeLayerReport
from tfsparse.conversion.reporting import planned_row, stayed_row
from tfsparse.conversion.request import Request
from tfsparse.conversion.whole_layers import make_whole_layers

_LARGE_ERROR = 0.1
"""An error of a layer that the report points at."""


@dataclasses.dataclass(eq=False)
class _Found:
    """A function of the model and what was found in it."""

    function: ModelFunction
    layers: list[DenseLayer]
    depthwise: list[DenseLayer]
    stayed: list[Unmatched]
    order: dict[tuple[int, str], int]


def convert_graphs(
    graphs: ModelGraphs, options: Options, request: Request, store: PackedStore
) -> ConversionReport:
    """Converts all functions of a model.

    Args:
        graphs: The functions. They are changed in place.
        options: What all layers have in common.
        request: What else was asked for.
        store: Where packed weights go.

    Returns:
        What was done.
    """
    notes: dict[str, None] = {}
    whole_layers: list[WholeLayerReport] = []
    if request.ops == "tensorflow":
        refuse_our_ops([function.graph for function in graphs.functions])
        notes["written in TensorFlow's own ops, which multiply by zeros like any other"] = None
    for function in graphs.functions:
        whole_layers += make_whole_layers(function, graphs.state, options, request, store.tables)
    if request.embeddings is not None and not _has_interaction(whole_layers):
        notes["`embeddings` changes no table: no interaction became one op"] = None
    views = Views(graphs.state)
    rounded = request.auto or options.precision != "fp32"
    found = [_find(function, views, rounded) for function in graphs.functions]
    check_overrides(
        options.overrides,
        [layer for each in found for layer in each.layers],
        [
            *(stayed for each in found for stayed in each.stayed),
            *_as_unmatched(whole_layers, graphs),
        ],
    )
    rows: list[OpReport] = []
    for each in found:
        more, calibration = _convert(each, graphs, views, options, request, store)
        rows += more
        if calibration.bounded:
            notes[f"calibrated on the first {calibration.batches} batches of the data"] = None
        notes |= dict.fromkeys(_large_errors(more))
    embed_small_variables(
        [function.graph for function in graphs.functions],
        [] if graphs.initializer is None else [graphs.initializer[1]],
        store.variables,
        graphs.state,
    )
    store.keep_only(graphs.captured())
    return ConversionReport(tuple(rows), tuple(notes), tuple(whole_layers))


def _has_interaction(whole_layers: Sequence[WholeLayerReport]) -> bool:
    return any(each.kind == "interaction" and each.converted for each in whole_layers)


def _as_unmatched(
    whole_layers: Sequence[WholeLayerReport], graphs: ModelGraphs
) -> Iterator[Unmatched]:
    """Layers that `overrides` may skip, though they have no weights to convert."""
    for each in whole_layers:
        yield Unmatched(each.layer, graphs.functions[0].graph, each.node, "it is no product")


def _large_errors(rows: Sequence[OpReport]) -> Iterator[str]:
    """A sentence for each layer whose result has little to do with that in float32."""
    for row in rows:
        if row.error is not None and row.error > _LARGE_ERROR:
            yield (
                f"{row.layer!r} errs by {row.error:.0%} in {row.precision}: "
                "consider precision='auto' or overrides={...: 'skip'}"
            )


def _find(function: ModelFunction, views: Views, rounded: bool) -> _Found:
    found = _Found(function, [], [], [], {})
    for graph in function.graph.all_graphs():
        layers, stayed = find_dense_layers(views.of(graph), rounded)
        if rounded:
            found.depthwise += find_depthwise(views.of(graph), layers)
        found.layers += layers
        found.stayed += stayed
        for name in graph.nodes:
            found.order[id(graph), name] = len(found.order)
    return found


def _convert(
    found: _Found,
    graphs: ModelGraphs,
    views: Views,
    options: Options,
    request: Request,
    store: PackedStore,
) -> tuple[list[OpReport], Calibration]:
    planner = Planner(options, store)
    calibrate = functools.partial(calibration_of, found.function, graphs.state, request)
    if request.auto:
        plans, calibration = choose_precisions(found.layers, planner, calibrate, request, views)
    else:
        passes_uint8 = options.precision == "int8" and request.activations == "calibrated"
        depthwise = found.depthwise if request.ops != "tensorflow" else []
        plans, calibration = plan_all(
            found.layers, planner, calibrate, views, passes_uint8, depthwise
        )
    if request.ops == "tensorflow":
        plans = [standard_plan(plan) for plan in plans]
        made = rewrite_standard(plans, calibration.params, store, views)
        clean(found.function.graph, graphs.state)
        finished = _Finished(_nodes_of(plans, made))
    else:
        sizes = sizes_of_axes(plans, views)
        made = rewrite(plans, calibration.params)
        size_axes(plans, made, sizes)
        finished = _finish(found.function.graph, graphs, plans, made, calibration)
    return _rows(found, plans, made, finished), calibration


@dataclasses.dataclass
class _Finished:
    """What became of ops, by their graph's id and their name.

    Attributes:
        ops: The ops as they were before they joined into chains.
        chains: A chain's own name to the ops that it stands for.
    """

    ops: dict[tuple[int, str], NodeDef] = dataclasses.field(default_factory=dict)
    chains: dict[tuple[int, str], list[str]] = dataclasses.field(default_factory=dict)


def _finish(
    graph: Graph,
    graphs: ModelGraphs,
    plans: Sequence[Plan],
    made: dict[int, str],
    calibration: Calibration,
) -> _Finished:
    """Passes uint8 on, makes chains, and drops what is left over."""
    finished = _Finished()
    clean(graph, graphs.state)
    for each in list(graph.all_graphs()):
        here = [plan for plan in plans if plan.convert and plan.layer.graph is each]
        params = {
            made[id(plan)]: calibration.params[each, f"{plan.layer.result}:0"]
            for plan in here
            if plan.precision == "int8" and (each, f"{plan.layer.result}:0") in calibration.params
        }
        normalize_uint8(Views(graphs.state).of(each))
        fold_norms(Views(graphs.state).of(each))
        activations = {
            plan.layer.x: calibration.params[each, plan.layer.x]
            for plan in here
            if plan.precision == "int8" and (each, plan.layer.x) in calibration.params
        }
        params |= scale_channels(Views(graphs.state).of(each), activations)
        params |= gate_channels(Views(graphs.state).of(each), activations)
        propagate_uint8(Views(graphs.state).of(each), params)
        pool_uint8(Views(graphs.state).of(each))
        finished.ops |= _nodes_of(here, made)
        ops = {name for _, name in _nodes_of(here, made)}
        chains = chain_layers(Views(graphs.state).of(each), ops)
        finished.chains |= {(id(each), name): run for name, run in chains.items()}
    return finished


def _nodes_of(plans: Sequence[Plan], made: dict[int, str]) -> dict[tuple[int, str], NodeDef]:
    """The nodes that layers have become and that are still there."""
    names = [(plan.layer.graph, made[id(plan)]) for plan in plans if plan.convert]
    return {(id(graph), name): graph.nodes[name] for graph, name in names if name in graph.nodes}


def _rows(
    found: _Found, plans: Sequence[Plan], made: dict[int, str], finished: _Finished
) -> list[OpReport]:
    chain_of = {(key[0], op): key[1] for key, run in finished.chains.items() for op in run}
    layer_of = {
        (id(plan.layer.graph), made[id(plan)]): plan.layer.name for plan in plans if plan.convert
    }
    rows: list[tuple[int, OpReport]] = []
    replaced = set()
    for plan in plans:
        if plan.layer.is_depthwise and not plan.convert:
            continue
        replaced.add((id(plan.layer.graph), plan.layer.product))
        graph = id(plan.layer.graph)
        op = made.get(id(plan), plan.layer.product)
        name = chain_of.get((graph, op), op)
        chain = tuple(layer_of[graph, each] for each in finished.chains.get((graph, name), ()))
        row = planned_row(
            plan, name, finished.ops.get((graph, op)), chain, found.function.signatures
        )
        rows.append((found.order[graph, plan.layer.product], row))
    for stayed in found.stayed:
        if (id(stayed.graph), stayed.node) in replaced:
            continue
        place = found.order[id(stayed.graph), stayed.node]
        rows.append((place, stayed_row(stayed, found.function.signatures)))
    return [row for _, row in sorted(rows, key=lambda entry: entry[0])]
