"""`integer.onnx`: the products of `int8.onnx` as MatMulInteger, which DeepSparse is fast with.

uint8 activations times uint8 weights with zero point 128, then Cast, Mul by both scales, and what
came after. Products of two activations, and what else was quantized, go back to float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.harness import child

WEIGHT_ZERO_POINT = 128


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
        if node.op_type != "MatMul":
            return []
        read, weights = (self._maker(name, "DequantizeLinear") for name in node.input)
        if read is None or weights is None or weights.input[0] not in self._constants:
            return []
        if self._maker(read.input[0], "QuantizeLinear") is None:
            return []
        of, kernel = node.output[0], self._value(weights.input[0])
        scale = self._value(weights.input[1]) * self._value(read.input[1])
        shifted = (kernel.astype(np.int16) + WEIGHT_ZERO_POINT).astype(np.uint8)
        wanted = [
            read.input[0],
            self._constant(f"{of}/kernel", shifted),
            read.input[2],
            self._constant(f"{of}/zero_point", np.array(WEIGHT_ZERO_POINT, np.uint8)),
        ]
        rescale = self._constant(f"{of}/rescale", scale.astype(np.float32))
        names = [f"{of}/product", f"{of}/cast"]
        return [
            helper.make_node("MatMulInteger", wanted, names[:1], name=names[0]),
            helper.make_node("Cast", names[:1], names[1:], name=names[1], to=TensorProto.FLOAT),
            helper.make_node("Mul", [names[1], rescale], [of], name=f"{of}/scaled"),
        ]

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
