"""Looks at a model as conversion would, and changes nothing: what is there, what it would bring.

It needs no op library, as nothing of ours is run. What is said of a layer in the precision that is
asked for is what conversion would decide of it beside its neighbours, before it sees the
calibration data; for other precisions it is the cost model's word on the layer alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Any, get_args

import numpy as np
import tensorflow as tf

from tfsparse.conversion.block_choice import CANDIDATES, choose_block, stored_elements
from tfsparse.conversion.cost_model import dense_cost
from tfsparse.conversion.dense_layer import DenseLayer, Unmatched
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.model_graphs import ModelFunction, ModelGraphs
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.passes.match import find_dense_layers, find_depthwise
from tfsparse.conversion.planning import Options, Plan, Planner
from tfsparse.conversion.precision_choice import plan_by_cost
from tfsparse.conversion.quantization import quantize_weights
from tfsparse.conversion.report import WholeLayerReport
from tfsparse.conversion.source import load_source
from tfsparse.conversion.targets import Precision, find_target
from tfsparse.conversion.whole_layers import find_whole_layers

_OURS = "Tfsparse>"


@dataclasses.dataclass(frozen=True)
class InspectedLayer:
    """A product or convolution.

    Attributes:
        layer: Its name as the user knows it.
        nodes: Names of the graph nodes that it consists of.
        signatures: Signatures that it serves.
        shape: Shape ``(out, in)`` of its weights; None where there are none.
        zeros: Share of zeros among them, or None.
        block: The block shape that conversion would take, or None.
        dense_macs: Multiply-adds of a call as it is, or None.
        stored_macs: Multiply-adds of a call over the blocks that would be stored, or None.
        dense_cost: Predicted cost as it is, see `cost_model`; 0 where it is not known.
        speedup: Predicted time as it is over that in our op, in the precision asked for, or None.
        speedups: The same for each precision.
        converts: Whether conversion would take it.
        reason: Why, or why not.
        nonzeros: Where its weights are not zero: bool, of shape `shape`; None where that was not
            asked for, or there are none.
    """

    layer: str
    nodes: tuple[str, ...]
    signatures: tuple[str, ...]
    shape: tuple[int, ...] | None
    zeros: float | None
    block: str | None
    dense_macs: int | None
    stored_macs: int | None
    dense_cost: float
    speedup: float | None
    speedups: dict[str, float]
    converts: bool
    reason: str
    nonzeros: np.ndarray | None = None

    @property
    def cost_after(self) -> float:
        """Predicted cost after a conversion."""
        return self.dense_cost / (self.speedup if self.converts and self.speedup else 1.0)


@dataclasses.dataclass(frozen=True)
class Inspection:
    """All products and convolutions of a model.

    Attributes:
        layers: In the order of the graph.
        signatures: Key of each signature to its inputs and outputs, name to type and shape.
        ours: How many ops of ours there are already.
        precision: The precision asked for.
        target: The processor decided for.
        batch_size: Examples of a call.
        whole_layers: Attentions, normalizations and interactions, which conversion makes one op of
            each where it can.
    """

    layers: tuple[InspectedLayer, ...]
    signatures: dict[str, dict[str, dict[str, str]]]
    ours: int
    precision: Precision
    target: str
    batch_size: int
    whole_layers: tuple[WholeLayerReport, ...] = ()

    @property
    def speedup(self) -> float:
        """Predicted time of all products as they are over that after a conversion."""
        after = sum(each.cost_after for each in self.layers)
        return sum(each.dense_cost for each in self.layers) / after if after else 1.0


def inspect_model(
    source: Any,
    precision: Precision = "int8",
    *,
    batch_size: int = 32,
    target: str | None = None,
    signatures: Iterable[str] | None = None,
    tags: Sequence[str] | None = None,
    with_nonzeros: bool = False,
) -> Inspection:
    """Looks at a model.

    Args:
        source: See `tfsparse.convert`.
        precision: The precision to plan for.
        batch_size: Examples per call where the model leaves their number open.
        target: The processor that will serve; this machine's kind by default.
        signatures: Keys of the signatures to look at; all by default.
        tags: Tags of the graph to load where a SavedModel holds several.
        with_nonzeros: Whether to keep where weights are not zero, for pictures.

    Returns:
        What was found.

    Raises:
        ValueError: See `tfsparse.convert`.
        FileNotFoundError: If there is no SavedModel at the path.

    Example:

    >>> layers = [keras.layers.Input((512,)), keras.layers.Dense(256, name="hidden")]
    >>> found = inspect_model(keras.Sequential(layers), batch_size=64)
    >>> found.layers[0].layer, found.layers[0].dense_macs, found.layers[0].zeros
    ('hidden', 8388608, 0.0)
    """
    loaded = load_source(source, tags, signatures)
    graphs = ModelGraphs(loaded)
    views = Views(graphs.state)
    options = Options(precision, batch_size, target=find_target(target))
    planner = Planner(options, PackedStore())
    ours = sum(
        node.op.startswith(_OURS)
        for function in graphs.functions
        for graph in function.graph.all_graphs()
        for node in graph.nodes.values()
    )
    layers: list[InspectedLayer] = []
    whole: list[WholeLayerReport] = []
    for function in graphs.functions:
        rows, absorbed = find_whole_layers(function, graphs.state, options)
        whole += rows
        layers += _layers(function, planner, views, options, with_nonzeros, absorbed)
    described = {key: _described(each) for key, each in loaded.signatures.items()}
    return Inspection(
        tuple(layers),
        described,
        ours,
        precision,
        options.target.name,
        options.batch_size,
        tuple(whole),
    )


def _layers(
    function: ModelFunction,
    planner: Planner,
    views: Views,
    options: Options,
    with_nonzeros: bool,
    absorbed: Collection[tuple[int, str]],
) -> list[InspectedLayer]:
    """The layers of a function, in the order of its graphs, but for nodes of whole layers."""
    matched: list[DenseLayer] = []
    depthwise: list[DenseLayer] = []
    stayed: list[Unmatched] = []
    order: dict[tuple[int, str], int] = {}
    int8 = options.precision == "int8"
    for graph in function.graph.all_graphs():
        order |= {(id(graph), name): len(order) + i for i, name in enumerate(graph.nodes)}
        view = views.of(graph)
        layers, others = find_dense_layers(view, options.precision != "fp32")
        matched += layers
        stayed += others
        if int8:
            depthwise += find_depthwise(view, layers)
    plans = plan_by_cost(matched, planner, views, passes_uint8=int8, depthwise=depthwise)
    found = {
        (id(plan.layer.graph), plan.layer.product): _planned(plan, function, options, with_nonzeros)
        for plan in plans
        if plan.convert or not plan.layer.is_depthwise
    }
    for each in stayed:
        if (id(each.graph), each.node) not in absorbed:
            found.setdefault((id(each.graph), each.node), _stayed(each, function))
    return [found[place] for place in sorted(found, key=order.__getitem__)]


def _planned(
    plan: Plan, function: ModelFunction, options: Options, with_nonzeros: bool
) -> InspectedLayer:
    layer = plan.layer
    out, inputs = layer.weights.shape
    rows = layer.rows(options.batch_size)
    known = plan.choice is not None
    stored = _stored(plan) if known else None
    return InspectedLayer(
        layer=layer.name,
        nodes=(layer.product, *layer.absorbed, layer.result),
        signatures=function.signatures,
        shape=(out, inputs),
        zeros=None if plan.zeros is None else float(plan.zeros),
        block=str(plan.choice.block) if plan.choice else None,
        dense_macs=rows * out * inputs,
        stored_macs=None if stored is None else rows * stored,
        dense_cost=0.0 if layer.is_depthwise else dense_cost(rows, (out, inputs)),
        speedup=float(plan.choice.speedup) if plan.choice else None,
        speedups=_speedups(plan, options),
        converts=plan.convert,
        reason=plan.reason,
        nonzeros=layer.weights.matrix() != 0 if with_nonzeros else None,
    )


def _stored(plan: Plan) -> int:
    assert plan.choice is not None
    matrix = _as_stored(plan.layer.weights.matrix(), plan.precision)
    return stored_elements(matrix, [plan.choice.block])[plan.choice.block]


def _as_stored(matrix: np.ndarray, precision: Precision) -> np.ndarray:
    """What is not zero as it will be stored: INT8 makes zeros of small weights."""
    return quantize_weights(matrix)[0] if precision == "int8" else matrix


def _speedups(plan: Plan, options: Options) -> dict[str, float]:
    """Those of the layer alone, but for the precision that is planned for."""
    if plan.choice is None:
        return {}
    layer = plan.layer
    matrix = layer.weights.matrix()
    rows = layer.rows(options.batch_size)
    candidates = [block for block in CANDIDATES if layer.takes(block)]
    found = {}
    for precision in get_args(Precision):
        stored = _as_stored(matrix, precision)
        choice = choose_block(stored, precision, rows, candidates, options.target, layer.geometry)
        found[precision] = float(choice.speedup)
    return found | {plan.precision: float(plan.choice.speedup)}


def _stayed(stayed: Unmatched, function: ModelFunction) -> InspectedLayer:
    return InspectedLayer(
        layer=stayed.name,
        nodes=(stayed.node,),
        signatures=function.signatures,
        shape=stayed.shape,
        zeros=None,
        block=None,
        dense_macs=None,
        stored_macs=None,
        dense_cost=0.0,
        speedup=None,
        speedups={},
        converts=False,
        reason=stayed.reason,
    )


def _described(function: Any) -> dict[str, dict[str, str]]:
    """Inputs and outputs of a signature: name to type and shape."""

    def texts(specs: dict[str, Any]) -> dict[str, str]:
        return {
            name: f"{spec.dtype.name}{_shape(spec)}"
            for name, spec in specs.items()
            if isinstance(spec, tf.TensorSpec)
        }

    return {
        "inputs": texts(function.structured_input_signature[1]),
        "outputs": texts(function.structured_outputs),
    }


def _shape(spec: tf.TensorSpec) -> str:
    if spec.shape.rank is None:
        return "(...)"
    return "(" + ", ".join("?" if size is None else str(size) for size in spec.shape) + ")"
