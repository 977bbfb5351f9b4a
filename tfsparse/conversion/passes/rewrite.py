"""Puts block-sparse ops in the place of the layers that were planned.

The new op takes the name of the last node it stands for, so nothing downstream is rewired.
(Where a reshape stays between product and bias, it takes the product's name, and the last
node becomes an ``Identity`` of the reshape.) Weights become constants beside it, shared by
layers that shared theirs. Here every op takes and gives float32; `handover` comes after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_view import NodeDef, node_name
from tfsparse.conversion.planning import Plan
from tfsparse.conversion.quantization import ActivationParams

FLOAT_OP = "Tfsparse>BlockSparseMatMul"
INT8_OP = "Tfsparse>QuantizedBlockSparseMatMul"


def rewrite(
    graph: FrozenGraph, plans: Sequence[Plan], params: Mapping[str, ActivationParams]
) -> FrozenGraph:
    """Replaces the planned layers of a graph.

    Args:
        graph: A clean frozen graph. It is not changed.
        plans: Plans of its layers; those that do not convert are passed over.
        params: Tensor name to how it is read as u8, for every ``x`` of an int8 plan.

    Returns:
        The graph with the ops in place and without the nodes that nothing needs any more.
    """
    rewriter = _Rewriter(graph, params)
    for plan in plans:
        if plan.convert:
            rewriter.replace(plan)
    return rewriter.result()


def op_node(plan: Plan) -> str:
    """Name of the node that the op of a plan gets."""
    return plan.layer.result if plan.layer.reshape is None else plan.layer.product


class _Rewriter:
    def __init__(self, graph: FrozenGraph, params: Mapping[str, ActivationParams]) -> None:
        self._graph = graph
        self._params = params
        self._nodes: dict[str, NodeDef] = {node.name: node for node in graph.graph_def.node}
        self._constants: dict[str, str] = {}
        self._weight_scopes: dict[tuple[Any, ...], str] = {}

    def replace(self, plan: Plan) -> None:
        layer, name = plan.layer, op_node(plan)
        control = self._control_inputs(layer.absorbed)
        data, indices, indptr = self._weights(plan)
        bias = self._bias(plan)
        residual = layer.residual or self._constant("no_residual", np.zeros(0, np.float32))
        node = tf.compat.v1.NodeDef(name=name)
        if plan.weight_scale is None:
            node.op = FLOAT_OP
            node.input.extend([layer.x, data, indices, indptr, bias, residual])
            node.attr["T"].type = tf.as_dtype(plan.matrix.dtype).as_datatype_enum
        else:
            node.op = INT8_OP
            node.input.extend([layer.x, *self._activation_params(name, layer.x)])
            node.input.extend([data, indices, indptr, self._weight_scale(plan), bias, residual])
            node.input.extend(
                [
                    self._constant(f"{name}/y_scale", np.float32(1.0)),
                    self._constant(f"{name}/y_zero_point", np.int32(0)),
                ]
            )
            node.attr["Tin"].type = tf.float32.as_datatype_enum
            node.attr["Tout"].type = tf.float32.as_datatype_enum
        node.input.extend(control)
        node.attr["units"].i = layer.weights.shape[0]
        node.attr["activation"].s = layer.activation.encode()
        node.attr["is_weight_const"].b = True
        self._nodes[name] = node
        if layer.reshape is not None:
            last = tf.compat.v1.NodeDef(name=layer.result, op="Identity", input=[layer.reshape])
            last.attr["T"].type = tf.float32.as_datatype_enum
            self._nodes[layer.result] = last

    def result(self) -> FrozenGraph:
        """The rewritten graph, without what nothing needs any more."""
        graph_def = tf.compat.v1.GraphDef()
        graph_def.versions.CopyFrom(self._graph.graph_def.versions)
        graph_def.library.CopyFrom(self._graph.graph_def.library)
        graph_def.node.extend(self._nodes.values())
        roots = {node_name(tensor) for tensor in self._graph.outputs.values()}
        return self._graph.with_graph_def(graph_def).reduced_to(roots)

    def _control_inputs(self, absorbed: Sequence[str]) -> list[str]:
        references = [ref for name in absorbed for ref in self._nodes[name].input]
        return sorted({ref for ref in references if ref.startswith("^")})

    def _weights(self, plan: Plan) -> tuple[str, str, str]:
        """Names of the packed weights, made once for layers that share them."""
        key = (plan.layer.weights_id, plan.precision, plan.choice.block)
        scope = self._weight_scopes.setdefault(key, f"{op_node(plan)}/weights")
        names = [f"{scope}/{part}" for part in ("data", "indices", "indptr")]
        if names[0] not in self._constants:
            packed = ops.BlockSparseMatrix.from_dense(plan.matrix, plan.choice.block)
            for name, array in zip(
                names, (packed.data, packed.indices, packed.indptr), strict=True
            ):
                self._constant(name, array)
        data, indices, indptr = (self._constants[name] for name in names)
        return data, indices, indptr

    def _weight_scale(self, plan: Plan) -> str:
        key = (plan.layer.weights_id, plan.precision, plan.choice.block)
        return self._constant(f"{self._weight_scopes[key]}/scale", plan.weight_scale)

    def _bias(self, plan: Plan) -> str:
        bias = plan.layer.bias
        return self._constant(
            f"{op_node(plan)}/bias", np.zeros(0, np.float32) if bias is None else bias
        )

    def _activation_params(self, name: str, x: str) -> tuple[str, str]:
        params = self._params[x]
        return (
            self._constant(f"{name}/x_scale", np.float32(params.scale)),
            self._constant(f"{name}/x_zero_point", np.int32(params.zero_point)),
        )

    def _constant(self, wanted: str, value: Any) -> str:
        """Adds a constant under the wanted name, or one close to it that is free."""
        if wanted in self._constants:
            return self._constants[wanted]
        name, count = wanted, 0
        while name in self._nodes:
            count += 1
            name = f"{wanted}_{count}"
        node = tf.compat.v1.NodeDef(name=name, op="Const")
        array = np.asarray(value)
        node.attr["dtype"].type = tf.as_dtype(array.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
        self._nodes[name] = node
        self._constants[wanted] = name
        return name
