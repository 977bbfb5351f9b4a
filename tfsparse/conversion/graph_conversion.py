"""Converts the graph of one signature, from matching its layers to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.calibration import calibrate
from tfsparse.conversion.calibration_data import batches, of_signatures
from tfsparse.conversion.chaining import chain_layers
from tfsparse.conversion.cost_model import Precision
from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_view import GraphView, NodeDef
from tfsparse.conversion.handover import hand_over_u8
from tfsparse.conversion.matching import Unmatched, find_dense_layers
from tfsparse.conversion.planning import Override, Plan, plan_layer
from tfsparse.conversion.quantization import ActivationParams, activation_params
from tfsparse.conversion.report import OpReport
from tfsparse.conversion.rewriting import INT8_OP, op_node, rewrite


class GraphConversion:
    """The conversion of one graph, planned on construction and carried out by `run`.

    Args:
        graph: A clean frozen graph.
        signatures: Keys of the signatures that it serves.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        overrides: Layer name to the user's word on it.
        batch_size: Examples per call to expect where the graph leaves it open.
    """

    def __init__(
        self,
        graph: FrozenGraph,
        signatures: Sequence[str],
        precision: Precision,
        overrides: Mapping[str, Override],
        batch_size: int,
    ) -> None:
        self.signatures = tuple(signatures)
        self._graph = graph
        layers, self._unmatched = find_dense_layers(GraphView(graph))
        self._plans = [
            plan_layer(layer, precision, batch_size, overrides.get(layer.name)) for layer in layers
        ]

    @property
    def layer_names(self) -> list[str]:
        """Names of the layers that can be converted."""
        return [plan.layer.name for plan in self._plans]

    def run(self, calibration_data: Any) -> tuple[FrozenGraph, list[OpReport]]:
        """Carries the conversion out.

        Args:
            calibration_data: Data for INT8; read only if a layer becomes INT8.

        Returns:
            The converted graph, and a report per product.
        """
        params = self._activation_params(calibration_data)
        graph = rewrite(self._graph, self._plans, params)
        quantized = [plan for plan in self._plans if plan.convert and plan.precision == "int8"]
        if quantized:
            results = {op_node(plan): params[f"{plan.layer.result}:0"] for plan in quantized}
            graph = hand_over_u8(graph, results)
        made = {op_node(plan) for plan in self._plans if plan.convert}
        chained, chains = chain_layers(graph, made)
        return chained, self._report(graph, chains)

    def _activation_params(self, calibration_data: Any) -> dict[str, ActivationParams]:
        """How the inputs and results of INT8 layers are read as u8, by tensor name."""
        tensors: dict[str, str] = {}
        for plan in self._plans:
            if plan.convert and plan.precision == "int8":
                tensors[plan.layer.x] = plan.layer.name
                tensors[f"{plan.layer.result}:0"] = plan.layer.name
        if not tensors:
            return {}
        data = of_signatures(calibration_data, self.signatures, self._graph.inputs)
        ranges = calibrate(self._graph, tensors, batches(data, self._graph.inputs))
        return {
            name: activation_params(found.minimum, found.maximum) for name, found in ranges.items()
        }

    def _report(self, graph: FrozenGraph, chains: Mapping[str, Sequence[str]]) -> list[OpReport]:
        order = {node.name: place for place, node in enumerate(self._graph.graph_def.node)}
        nodes = {node.name: node for node in graph.graph_def.node}
        chain_of = {op: chain for chain, run in chains.items() for op in run}
        rows = []
        for plan in self._plans:
            op = op_node(plan)
            run = chains[chain_of[op]] if op in chain_of else ()
            row = self._planned_row(plan, nodes.get(op), chain_of.get(op, op), self._layers(run))
            rows.append((order[plan.layer.product], row))
        rows += [(order.get(op.node, len(order)), self._stayed_row(op)) for op in self._unmatched]
        return [row for _, row in sorted(rows, key=lambda entry: entry[0])]

    def _layers(self, op_nodes: Sequence[str]) -> tuple[str, ...]:
        names = {op_node(plan): plan.layer.name for plan in self._plans if plan.convert}
        return tuple(names[node] for node in op_nodes)

    def _planned_row(
        self, plan: Plan, node: NodeDef | None, name: str, chain: tuple[str, ...]
    ) -> OpReport:
        weights = plan.layer.weights
        converted = plan.convert and node is not None
        takes, gives = "float32", "float32"
        if converted and node is not None and node.op == INT8_OP:
            takes, gives = (_type_name(node, attr) for attr in ("Tin", "Tout"))
        return OpReport(
            layer=plan.layer.name,
            node=name if converted else plan.layer.product,
            signatures=self.signatures,
            converted=converted,
            shape=(weights.shape[0], weights.shape[1]),
            zeros=1.0 - np.count_nonzero(weights) / weights.size,
            block=str(plan.choice.block) if converted else None,
            precision=plan.precision if converted else None,
            input=takes if converted else None,
            output=gives if converted else None,
            fused=plan.layer.fused if converted else (),
            chain=chain,
            speedup=plan.choice.speedup,
            reason=plan.reason,
        )

    def _stayed_row(self, op: Unmatched) -> OpReport:
        return OpReport(
            layer=op.name,
            node=op.node,
            signatures=self.signatures,
            converted=False,
            shape=None,
            zeros=None,
            block=None,
            precision=None,
            input=None,
            output=None,
            fused=(),
            chain=(),
            speedup=None,
            reason=op.reason,
        )


def _type_name(node: NodeDef, attr: str) -> str:
    return str(tf.as_dtype(node.attr[attr].type).name)
