"""Writes planned layers in TensorFlow's own ops, for servers that cannot load our library.

The same layers as `rewrite` replaces, in the same precision, become a dense product, its bias,
residual and activation (`standard_ops`). Weights are float32 variables of the new model, with the
zeros that they have and with the rounding of their precision.

A layer in float32 that nothing was folded into is what it would become, and stays as it is, reading
the variable that it has always read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from tfsparse.conversion.capturing import read_variable
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph import Graph, NodeDef
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.op_interface import OUR_OPS
from tfsparse.conversion.packed import PackedStore, PackedWeights
from tfsparse.conversion.passes.rewrite import Params, Rewriter, replace_layers
from tfsparse.conversion.planning import Plan
from tfsparse.conversion.quantization import ActivationParams
from tfsparse.conversion.splicing import splice
from tfsparse.conversion.standard_ops import (
    convolution,
    dense,
    measured_range,
    through_bfloat16,
    through_uint8,
)

_SCALAR = tf.TensorSpec((), tf.float32)


def standard_plan(plan: Plan) -> Plan:
    """What becomes of a layer in TensorFlow's ops, where our op was planned for it."""
    if not plan.convert:
        return dataclasses.replace(plan, choice=None)
    if plan.precision == "fp32" and not _folds(plan.layer) and plan.layer.dtype == tf.float32:
        reason = "stays what it is: ops of TensorFlow in fp32"
        return dataclasses.replace(plan, choice=None, reason=reason, packed=None)
    reason = f"written as ops of TensorFlow, with the numbers of {plan.precision}"
    return dataclasses.replace(plan, choice=None, reason=reason)


def _folds(layer: DenseLayer) -> bool:
    """Whether the weights have taken in a scale that stands beside the product."""
    return layer.weights.output_scale is not None or layer.weights.input_scale is not None


def refuse_our_ops(graphs: Iterable[Graph]) -> None:
    """Raises ValueError if graphs have ops of ours, which would need our library."""
    for graph in (inner for outer in graphs for inner in outer.all_graphs()):
        for node in graph.nodes.values():
            if node.op.startswith(OUR_OPS):
                raise ValueError(
                    "`source` should be a model without ops of tfsparse for ops='tensorflow', such "
                    f"as the one it was converted from. Received: a model with {node.op!r}"
                )


def rewrite_standard(
    plans: Sequence[Plan], params: Params, store: PackedStore, views: Views
) -> dict[int, str]:
    """Replaces planned layers in their graphs.

    Args:
        plans: Plans; those that do not convert are passed over. Their graphs are changed in
            place.
        params: Tensor to how it is read as uint8. An int8 layer whose activations are not
            in it measures their range when it runs.
        store: Where dense weights are made of packed ones.
        views: Views of the graphs as they are.

    Returns:
        id of a plan to the name of the node of its result.
    """
    ranks = {
        id(plan): 4
        if plan.layer.geometry is not None
        else views.of(plan.layer.graph).shape(plan.layer.x).rank
        for plan in plans
        if plan.convert
    }
    return replace_layers(plans, lambda graph: _StandardRewriter(graph, params, store, ranks))


class _StandardRewriter(Rewriter):
    def __init__(
        self, graph: Graph, params: Params, store: PackedStore, ranks: dict[int, int | None]
    ) -> None:
        super().__init__(graph, params)
        self._store = store
        self._ranks = ranks

    def _op(self, plan: Plan, name: str, x: str, control: Sequence[str]) -> NodeDef:
        layer, packed = plan.layer, plan.packed
        assert isinstance(packed, PackedWeights)
        kernel = self._store.dense(packed)
        rank = self._ranks[id(plan)]
        arguments = [
            self._rounded(plan, name, x),
            read_variable(self._graph, kernel, f"{packed.scope}/kernel/read"),
        ]
        specs = [
            tf.TensorSpec(None if rank is None else [None] * rank, tf.float32),
            tf.TensorSpec(kernel.shape, tf.float32),
        ]
        if layer.residual is not None:
            arguments.append(self._residual(layer))
            specs.append(tf.TensorSpec(None, tf.float32))

        def computed(
            x: tf.Tensor, kernel: tf.Tensor, residual: tf.Tensor | None = None
        ) -> tf.Tensor:
            given = (layer.bias, residual, layer.activation)
            if layer.geometry is not None:
                return convolution(x, kernel, *given, layer.geometry)
            return dense(x, kernel, *given, layer.x_axes, layer.y_axes)

        (result,) = splice(self._graph, name, computed, arguments, specs)
        node = tf.compat.v1.NodeDef(name=name, op="Identity", input=[result, *control])
        node.attr["T"].type = tf.float32.as_datatype_enum
        return node

    def _rounded(self, plan: Plan, name: str, x: str) -> str:
        """The activations as the op would read them, once for all layers that read them alike."""
        if plan.precision == "fp32":
            return x
        params = self._params.get((self._graph, plan.layer.x))
        key = ("rounded", x, plan.precision, params)
        if key not in self._made:
            function: Callable[..., tf.Tensor] = through_bfloat16
            arguments = [x]
            if plan.precision == "int8":
                function = through_uint8
                arguments += self._scalars(name, x, params)
            specs = [tf.TensorSpec(None, tf.float32), *[_SCALAR] * (len(arguments) - 1)]
            scope = f"{name}/{plan.precision}"
            (self._made[key],) = splice(self._graph, scope, function, arguments, specs)
        return self._made[key]

    def _scalars(self, name: str, x: str, params: ActivationParams | None) -> list[str]:
        """References to the scale and zero point of activations."""
        if params is None:
            spec = tf.TensorSpec(None, tf.float32)
            return splice(self._graph, f"{name}/range", measured_range, [x], [spec])
        return [
            self._constant(f"{name}/x_scale", np.float32(params.scale)),
            self._constant(f"{name}/x_zero_point", np.float32(params.zero_point)),
        ]
