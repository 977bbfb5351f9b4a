"""The network as ONNX, in the two INT8 forms that engines accelerate.

`qdq` surrounds float products with QuantizeLinear and DequantizeLinear, which ONNX Runtime and
OpenVINO fold into INT8 products. `matmul_integer` says the integer product itself, as DeepSparse
wants it: MatMulInteger of u8 activations and u8 weights at zero point 128, Add, Cast, Mul. Both
read and give float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.peers.quantized_net import QuantizedLayer

# The oldest format that has what the graphs need, so that every engine reads it.
_IR_VERSION = {11: 6, 13: 7}
WEIGHT_ZERO_POINT = 128


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def model(self, y: str, batch: int, sizes: tuple[int, int], opset: int) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, sizes[0]])],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, [batch, sizes[1]])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION[opset])
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def qdq(layers: Sequence[QuantizedLayer], batch: int, quantize_output: bool) -> bytes:
    """The network with quantize-dequantize pairs, opset 13.

    Args:
        layers: The layers; ReLU between them.
        batch: Rows, fixed in the graph.
        quantize_output: Whether the result passes through u8. ONNX Runtime folds only products
            whose result does, and computes the others in float32.

    Returns:
        The serialized model; its input is ``x``.
    """
    graph, y = _Graph(), "x"
    for index, layer in enumerate(layers):
        of = f"layer{index}_"
        read = [
            graph.constant(of + "x_scale", np.float32(layer.input_scale)),
            graph.constant(of + "x_zero_point", np.uint8(layer.input_zero_point)),
        ]
        quantized = graph.add("QuantizeLinear", [y, *read], of + "x_u8")
        x = graph.add("DequantizeLinear", [quantized, *read], of + "x")
        weights = [
            graph.constant(of + "kernel_s8", layer.kernel),
            graph.constant(of + "kernel_scale", layer.kernel_scale),
            graph.constant(of + "kernel_zero_point", np.zeros(layer.kernel.shape[1], np.int8)),
        ]
        kernel = graph.add("DequantizeLinear", weights, of + "kernel", axis=1)
        y = graph.add("MatMul", [x, kernel], of + "product")
        y = graph.add("Add", [y, graph.constant(of + "bias", layer.bias)], of + "sum")
        if index < len(layers) - 1:
            y = graph.add("Relu", [y], of + "y")
    if quantize_output:
        given = [
            graph.constant("y_scale", np.float32(layers[-1].output_scale)),
            graph.constant("y_zero_point", np.uint8(layers[-1].output_zero_point)),
        ]
        y = graph.add("QuantizeLinear", [y, *given], "y_u8")
        y = graph.add("DequantizeLinear", [y, *given], "y")
    return graph.model(y, batch, _ends(layers), opset=13)


def matmul_integer(layers: Sequence[QuantizedLayer], batch: int) -> bytes:
    """The network with integer products, opset 11.

    Args:
        layers: The layers; ReLU between them.
        batch: Rows, fixed in the graph.

    Returns:
        The serialized model; its input is ``x``.
    """
    graph, y = _Graph(), "x"
    weight_zero_point = graph.constant("kernel_zero_point", np.uint8(WEIGHT_ZERO_POINT))
    for index, layer in enumerate(layers):
        of = f"layer{index}_"
        zero_point = graph.constant(of + "x_zero_point", np.uint8(layer.input_zero_point))
        scale = graph.constant(of + "x_scale", np.float32(layer.input_scale))
        x = graph.add("QuantizeLinear", [y, scale, zero_point], of + "x_u8")
        kernel = (layer.kernel.astype(np.int16) + WEIGHT_ZERO_POINT).astype(np.uint8)
        operands = [x, graph.constant(of + "kernel_u8", kernel), zero_point, weight_zero_point]
        y = graph.add("MatMulInteger", operands, of + "product")
        rescale = layer.kernel_scale * np.float32(layer.input_scale)
        bias = np.rint(layer.bias / rescale).astype(np.int32)
        y = graph.add("Add", [y, graph.constant(of + "bias", bias)], of + "sum")
        y = graph.add("Cast", [y], of + "float", to=TensorProto.FLOAT)
        y = graph.add("Mul", [y, graph.constant(of + "rescale", rescale)], of + "scaled")
        if index < len(layers) - 1:
            y = graph.add("Relu", [y], of + "y")
    return graph.model(y, batch, _ends(layers), opset=11)


def _ends(layers: Sequence[QuantizedLayer]) -> tuple[int, int]:
    return int(layers[0].kernel.shape[0]), int(layers[-1].kernel.shape[1])
