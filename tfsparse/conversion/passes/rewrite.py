"""Puts block-sparse ops in the place of the layers that were planned.

The new op takes the name of the last node it stands for, so nothing downstream is rewired.
(Where a reshape stays between product and bias, it takes the product's name, and the last
node becomes an ``Identity`` of the reshape. Where the layer computes in half precision or its
axes are ordered in another way, a ``Cast`` or ``Transpose`` takes the name.) Weights are read from
variables of the new model; what is small, such as a bias, is a constant beside the op. Here every
op takes and gives float32; `propagate_uint8` comes after. `rewrite_standard` puts TensorFlow's own
ops there instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.capturing import read_variable
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph import Graph, NodeDef, node_name, reference_of
from tfsparse.conversion.importing import tensor_type
from tfsparse.conversion.op_interface import (
    FLOAT_CONV_OP,
    FLOAT_OP,
    INT8_CONV_OP,
    INT8_DEPTHWISE_OP,
    INT8_OP,
    RANGE_OP,
    convolution_attributes,
    op_node,
    set_attribute,
)
from tfsparse.conversion.packed import DepthwiseWeights
from tfsparse.conversion.planning import Plan
from tfsparse.conversion.quantization import ActivationParams

TensorKey = tuple[Graph, str]
"""A tensor of a graph of the model."""

Params = Mapping[TensorKey, ActivationParams]
"""Tensor to how it is read as uint8."""


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
    return replace_layers(plans, lambda graph: Rewriter(graph, params))


def replace_layers(
    plans: Sequence[Plan], rewriter_of: Callable[[Graph], Rewriter]
) -> dict[int, str]:
    """Replaces layers that were planned by what the rewriters of their graphs put there."""
    rewriters: dict[int, Rewriter] = {}
    made: dict[int, str] = {}
    for plan in plans:
        if plan.convert:
            graph = plan.layer.graph
            if id(graph) not in rewriters:
                rewriters[id(graph)] = rewriter_of(graph)
            made[id(plan)] = rewriters[id(graph)].replace(plan)
    for graph in {id(plan.layer.graph): plan.layer.graph for plan in plans}.values():
        graph.prune()
    return made


class Rewriter:
    """Replaces layers of one graph.

    Args:
        graph: The graph. It is changed in place.
        params: An int8 layer whose activations are not in it measures their range when it runs.
    """

    def __init__(self, graph: Graph, params: Params) -> None:
        self._graph = graph
        self._params = params
        self._constants: dict[tuple[Any, ...], str] = {}
        self._made: dict[tuple[Any, ...], str] = {}

    def replace(self, plan: Plan) -> str:
        """Replaces a layer; gives the name of the node that computes it."""
        layer = plan.layer
        base = layer.product if layer.reshape is not None else layer.result
        control = self._graph.waits_of(layer.absorbed)
        x = self._float(layer.x)
        if layer.x_order is not None:
            x = self._transposed(x, layer.x_order)
        if layer.is_sequence:
            x = self._of_height_one(x)
        for name in layer.absorbed:
            if name in (base, layer.result):
                del self._graph.nodes[name]
        wrapped = layer.y_order is not None or layer.is_sequence or layer.dtype != tf.float32
        name = self._graph.free_name(f"{base}/block_sparse") if wrapped else base
        self._graph.add(self._op(plan, name, x, control))
        self._finish(plan, base, name)
        return name

    def _op(self, plan: Plan, name: str, x: str, control: Sequence[str]) -> NodeDef:
        """The node that gives a layer's result, in float32."""
        layer, packed = plan.layer, plan.packed
        if isinstance(packed, DepthwiseWeights):
            return self._depthwise(layer, packed, name, x, control)
        assert packed is not None
        scope = packed.data.name.split(":")[0].removesuffix("/data")
        inputs = {
            "x": x,
            "data": read_variable(self._graph, packed.data, f"{scope}/data/read"),
            "indices": read_variable(self._graph, packed.indices, f"{scope}/indices/read"),
            "indptr": self._constant(f"{name}/indptr", packed.indptr),
            "bias": self._constant(
                f"{name}/bias", np.zeros(0, np.float32) if layer.bias is None else layer.bias
            ),
            "residual": self._residual(layer),
        }
        attributes = _attributes(layer)
        if packed.scale is None:
            attributes["T"] = packed.data.dtype
            op = FLOAT_OP if layer.geometry is None else FLOAT_CONV_OP
            return op_node(op, name, inputs, attributes, control)
        inputs["x_scale"], inputs["x_zero_point"] = self._quantization(layer.x, name, x)
        inputs["w_scale"] = self._constant(f"{name}/w_scale", packed.scale)
        inputs["y_scale"] = self._constant(f"{name}/y_scale", np.float32(1.0))
        inputs["y_zero_point"] = self._constant(f"{name}/y_zero_point", np.int32(0))
        attributes |= {"Tin": tf.float32, "Tout": tf.float32}
        if layer.geometry is None:
            return op_node(INT8_OP, name, inputs, attributes, control)
        inputs["residual_scale"] = self._constant("no_residual_scale", np.float32(1.0))
        inputs["residual_zero_point"] = self._constant("no_residual_zero_point", np.int32(0))
        attributes["Tresidual"] = tf.float32
        return op_node(INT8_CONV_OP, name, inputs, attributes, control)

    def _depthwise(
        self,
        layer: DenseLayer,
        weights: DepthwiseWeights,
        name: str,
        x: str,
        control: Sequence[str],
    ) -> NodeDef:
        assert layer.geometry is not None
        values = weights.values.T.reshape(*layer.geometry.kernel_size, -1)
        bias = np.zeros(0, np.float32) if layer.bias is None else layer.bias
        x_scale, x_zero_point = self._quantization(layer.x, name, x)
        inputs = {
            "x": x,
            "x_scale": x_scale,
            "x_zero_point": x_zero_point,
            "weights": self._constant(f"{name}/weights", values),
            "w_scale": self._constant(f"{name}/w_scale", weights.scale),
            "bias": self._constant(f"{name}/bias", bias),
            "y_scale": self._constant(f"{name}/y_scale", np.float32(1.0)),
            "y_zero_point": self._constant(f"{name}/y_zero_point", np.int32(0)),
        }
        attributes = convolution_attributes(layer.geometry)
        del attributes["groups"]
        attributes |= {"activation": layer.activation, "Tin": tf.float32, "Tout": tf.float32}
        return op_node(INT8_DEPTHWISE_OP, name, inputs, attributes, control)

    def _residual(self, layer: DenseLayer) -> str:
        if layer.residual is None:
            return self._constant("no_residual", np.zeros(0, np.float32))
        residual = self._float(layer.residual)
        return self._of_height_one(residual) if layer.is_sequence else residual

    def _finish(self, plan: Plan, base: str, name: str) -> None:
        """Gives the op's result the type, order and name that its readers expect."""
        layer, result = plan.layer, name
        if layer.y_order is not None:
            last = layer.dtype == tf.float32
            result = self._transposed(result, layer.y_order, base if last else None)
        if layer.is_sequence:
            wanted = base if layer.dtype == tf.float32 else f"{base}/sequence"
            result = self._add(wanted, "Squeeze", [result], T=tf.float32)
            set_attribute(self._graph.nodes[result], "squeeze_dims", [1])
        if layer.dtype != tf.float32:
            self._add(base, "Cast", [result], SrcT=tf.float32, DstT=layer.dtype)
        if layer.reshape is not None:
            self._add(layer.result, "Identity", [layer.reshape], T=layer.dtype)

    def _float(self, tensor: str) -> str:
        """A tensor as float32: what it was cast from, if that is float32."""
        dtype = tensor_type(self._graph, tensor)
        if dtype == tf.float32:
            return reference_of(tensor)
        source = self._graph.nodes[node_name(tensor)]
        while source.op == "Identity":
            source = self._graph.nodes[node_name(source.input[0])]
        if source.op == "Cast" and source.attr["SrcT"].type == tf.float32.as_datatype_enum:
            return str(source.input[0])
        key = ("float", tensor)
        if key not in self._made:
            wanted = f"{node_name(tensor)}/float32"
            inputs = [reference_of(tensor)]
            self._made[key] = self._add(wanted, "Cast", inputs, SrcT=dtype, DstT=tf.float32)
        return self._made[key]

    def _transposed(self, reference: str, order: Sequence[int], name: str | None = None) -> str:
        key = ("transposed", reference, tuple(order))
        if name is not None or key not in self._made:
            wanted = name or f"{node_name(reference)}/transposed"
            axes = self._constant(f"{wanted}/order", np.asarray(order, np.int32))
            inputs = [reference, axes]
            made = self._add(wanted, "Transpose", inputs, T=tf.float32, Tperm=tf.int32)
            if name is not None:
                return made
            self._made[key] = made
        return self._made[key]

    def _of_height_one(self, reference: str) -> str:
        """Sequences as images."""
        key = ("of height one", reference)
        if key not in self._made:
            axis = self._constant("axis_of_height", np.int32(1))
            wanted = f"{node_name(reference)}/image"
            inputs = [reference, axis]
            made = self._add(wanted, "ExpandDims", inputs, T=tf.float32, Tdim=tf.int32)
            self._made[key] = made
        return self._made[key]

    def _add(self, wanted: str, op: str, inputs: Sequence[str], **types: tf.DType) -> str:
        node = tf.compat.v1.NodeDef(name=self._graph.free_name(wanted), op=op, input=inputs)
        for key, dtype in types.items():
            node.attr[key].type = dtype.as_datatype_enum
        return self._graph.add(node)

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

    def _constant(self, wanted: str, value: Any) -> str:
        """Adds a constant under the wanted name, or one close to it that is free, once."""
        array = np.asarray(value)
        key = (wanted, array.dtype.name, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self._graph.add_constant(wanted, array)
        return self._constants[key]


def _attributes(layer: DenseLayer) -> dict[str, Any]:
    """The attributes of a layer's op, types left out."""
    shared = {"activation": layer.activation, "is_weight_const": True}
    if layer.geometry is not None:
        inputs = layer.weights.shape[1] // layer.geometry.taps * layer.geometry.groups
        filters = layer.weights.shape[0]
        window = convolution_attributes(layer.geometry)
        return shared | window | {"filters": filters, "inputs": inputs}
    return shared | {
        "units": layer.weights.shape[0],
        "inputs": layer.weights.shape[1],
        "x_axes": layer.x_axes,
        "y_axes": list(layer.y_axes),
    }
