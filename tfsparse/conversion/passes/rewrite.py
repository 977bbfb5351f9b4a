"""Puts block-sparse ops in the place of the layers that were planned.

Weights are read from variables of the new model; what is small, such as a bias, is a constant
beside the op. Here every op takes and gives float32; `propagate_uint8` comes after.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfsparse.conversion.capturing import read_variable
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.op_interface import FLOAT_OP, INT8_OP, RANGE_OP, op_node
from tfsparse.conversion.passes.rewriter import Params, Rewriter, replace_layers
from tfsparse.conversion.planning import Plan


def rewrite(plans: Sequence[Plan], params: Params) -> dict[int, str]:
    """Replaces planned layers in their graphs.

    Args:
        plans: Plans; those that do not convert are passed over. Their graphs are changed in
            place.
        params: Tensor to how it is read as uint8. An int8 layer whose activations are not
            in it measures their range when it runs.

    Returns:
        id of a plan to the name of the node of its op.
    """
    return replace_layers(plans, lambda graph: _BlockSparseRewriter(graph, params))


class _BlockSparseRewriter(Rewriter):
    kind = "block_sparse"

    def _compute(self, plan: Plan, name: str, x: str, control: Sequence[str]) -> None:
        self._graph.add(self._op(plan, name, x, control))

    def _op(self, plan: Plan, name: str, x: str, control: Sequence[str]) -> NodeDef:
        layer, packed = plan.layer, plan.packed
        assert packed is not None
        scope = packed.scope
        inputs = {
            "x": x,
            "data": read_variable(self._graph, packed.data, f"{scope}/data/read"),
            "indices": read_variable(self._graph, packed.indices, f"{scope}/indices/read"),
            "indptr": self._constant(f"{name}/indptr", packed.indptr),
            "bias": self._constant(
                f"{name}/bias", np.zeros(0, np.float32) if layer.bias is None else layer.bias
            ),
            "residual": self._residual(layer.residual),
        }
        attributes = {
            "units": layer.weights.shape[0],
            "inputs": layer.weights.shape[1],
            "x_axes": layer.x_axes,
            "y_axes": list(layer.y_axes),
            "activation": layer.activation,
            "is_weight_const": True,
        }
        if packed.scale is None:
            attributes["T"] = packed.data.dtype
            return op_node(FLOAT_OP, name, inputs, attributes, control)
        inputs["x_scale"], inputs["x_zero_point"] = self._quantization(layer.x, name, x)
        inputs["w_scale"] = self._constant(f"{name}/w_scale", packed.scale)
        inputs["y_scale"] = self._constant(f"{name}/y_scale", np.float32(1.0))
        inputs["y_zero_point"] = self._constant(f"{name}/y_zero_point", np.int32(0))
        attributes |= {"Tin": tf.float32, "Tout": tf.float32}
        return op_node(INT8_OP, name, inputs, attributes, control)

    def _residual(self, tensor: str | None) -> str:
        if tensor is None:
            return self._constant("no_residual", np.zeros(0, np.float32))
        return self._float(tensor)

    def _quantization(self, tensor: str, name: str, x: str) -> tuple[str, str]:
        """References to the scale and zero point of an op's activations."""
        params = self._params.get((self._graph, tensor))
        if params is not None:
            return (
                self._constant(f"{name}/x_scale", np.float32(params.scale)),
                self._constant(f"{name}/x_zero_point", np.int32(params.zero_point)),
            )
        key = ("range", x)
        if key not in self._made:
            node = tf.compat.v1.NodeDef(name=self._graph.free_name(f"{name}/range"), op=RANGE_OP)
            node.input.append(x)
            self._made[key] = self._graph.add(node)
        return self._made[key], f"{self._made[key]}:1"
