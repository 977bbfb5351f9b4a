"""`integer.onnx`: `int8.onnx` with integer products, which DeepSparse has kernels of its own for.

MatMulInteger and ConvInteger: uint8 activations times uint8 weights with zero point 128, then the
bias in int32, Cast, Mul by both scales, and what came after. Products of two activations, and what
else was quantized, go back to float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.harness import child

WEIGHT_ZERO_POINT = 128
INTEGER = {"MatMul": "MatMulInteger", "Conv": "ConvInteger"}


class Rewriting:
    """A model with quantize-dequantize pairs, as it is rewritten.

    Args:
        model: The model, which is changed.
    """

    def __init__(self, model: Any) -> None:
        self._graph = model.graph
        self._makers = {name: node for node in model.graph.node for name in node.output}
        self._constants = {each.name: each for each in model.graph.initializer}

    def run(self) -> None:
        """Rewrites the products, and takes all other pairs away."""
        nodes = []
        for node in self._graph.node:
            nodes += self._product(node) or [node]
        for node in nodes:
            for index, name in enumerate(node.input):
                node.input[index] = self._without_pair(name)
        self._replace(nodes)

    def _product(self, node: Any) -> list[Any]:
        """The nodes in place of a product by constant weights; none if it is another node."""
        if node.op_type not in INTEGER:
            return []
        read, weights = (self._maker(name, "DequantizeLinear") for name in node.input[:2])
        if read is None or weights is None or weights.input[0] not in self._constants:
            return []
        if self._maker(read.input[0], "QuantizeLinear") is None:
            return []
        of, kernel = node.output[0], self._value(weights.input[0])
        scale = self._value(weights.input[1]) * self._value(read.input[1])
        along = (-1, 1, 1) if node.op_type == "Conv" else (-1,)
        shifted = (kernel.astype(np.int16) + WEIGHT_ZERO_POINT).astype(np.uint8)
        wanted = [
            read.input[0],
            self._constant(f"{of}/kernel", shifted),
            read.input[2],
            self._constant(f"{of}/zero_point", np.array(WEIGHT_ZERO_POINT, np.uint8)),
        ]
        product = helper.make_node(INTEGER[node.op_type], wanted, [f"{of}/product"])
        product.name = product.output[0]
        product.attribute.extend(node.attribute)
        nodes = [product]
        if len(node.input) > 2:
            bias = self._constant(f"{of}/bias", self._bias(node.input[2], scale).reshape(along))
            nodes.append(helper.make_node("Add", [nodes[-1].output[0], bias], [f"{of}/biased"]))
        rescale = self._constant(f"{of}/rescale", scale.astype(np.float32).reshape(along))
        cast = helper.make_node("Cast", nodes[-1].output, [f"{of}/cast"], to=TensorProto.FLOAT)
        return [*nodes, cast, helper.make_node("Mul", [f"{of}/cast", rescale], [of])]

    def _bias(self, name: str, scale: np.ndarray) -> np.ndarray:
        """A bias in int32, by the scale of a product."""
        pair = self._maker(name, "DequantizeLinear")
        if pair is not None:  # Quantized by that scale already.
            return self._value(pair.input[0])
        return np.rint(self._value(name) / scale).astype(np.int32)

    def _without_pair(self, name: str) -> str:
        """What a pair was made of, or the tensor itself."""
        dequantize = self._maker(name, "DequantizeLinear")
        quantize = dequantize and self._maker(dequantize.input[0], "QuantizeLinear")
        return self._without_pair(quantize.input[0]) if quantize else name

    def _replace(self, nodes: list[Any]) -> None:
        """Takes these nodes, without those and the constants that nothing reads any more."""
        wanted = {output.name for output in self._graph.output}
        kept = []
        for node in reversed(nodes):
            if wanted & set(node.output):
                wanted |= set(node.input)
                kept.append(node)
        constants = [each for each in self._graph.initializer if each.name in wanted]
        del self._graph.node[:], self._graph.initializer[:], self._graph.value_info[:]
        self._graph.node.extend(reversed(kept))
        self._graph.initializer.extend(constants)

    def _maker(self, name: str, op: str) -> Any:
        node = self._makers.get(name)
        return node if node is not None and node.op_type == op else None

    def _value(self, name: str) -> np.ndarray:
        return np.asarray(numpy_helper.to_array(self._constants[name]))

    def _constant(self, name: str, value: np.ndarray) -> str:
        self._graph.initializer.append(numpy_helper.from_array(value, name))
        return name


def write(request: dict[str, Any]) -> dict[str, Any]:
    """Rewrites `int8.onnx`."""
    folder = Path(request["folder"])
    model = onnx.load(str(folder / "int8.onnx"))
    Rewriting(model).run()
    onnx.save(model, str(folder / "integer.onnx"))
    return {}


if __name__ == "__main__":
    child.answer(write)
