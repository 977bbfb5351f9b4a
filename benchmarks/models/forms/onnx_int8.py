"""`int8*.onnx`: `model.onnx`, quantized by ONNX Runtime's static quantization in several forms.

uint8 activations by the least and greatest value seen, int8 weights with a scale per output
channel. `int8.onnx` has quantize-dequantize pairs around products and convolutions, `int8_all.onnx`
around every op that ONNX Runtime can quantize, and `int8_operators.onnx` has QLinear ops in their
place. Which is fastest depends on the model and the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.harness import child

PRODUCTS = ["MatMul", "Gemm", "Conv"]
PAIRS, OPERATORS = quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator
FILES = (
    ("int8.onnx", PRODUCTS, PAIRS),
    ("int8_all.onnx", None, PAIRS),
    ("int8_operators.onnx", None, OPERATORS),
)


class Rows(quantization.CalibrationDataReader):
    """Calibration data, a row at a time."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        rows = len(next(iter(arrays.values())))
        self._rows = iter(
            [{name: array[row : row + 1] for name, array in arrays.items()} for row in range(rows)]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """See the base class."""
        return next(self._rows, None)


def write(request: dict[str, Any]) -> dict[str, Any]:
    """Quantizes `model.onnx`."""
    folder = Path(request["folder"])
    with np.load(folder / "calibration.npz") as arrays:
        calibration = dict(arrays)
    prepared = folder / "prepared.onnx"
    quant_pre_process(str(folder / "model.onnx"), str(prepared), skip_symbolic_shape=True)
    for name, ops, form in FILES:
        quantization.quantize_static(
            str(prepared),
            str(folder / name),
            Rows(calibration),
            quant_format=form,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=ops,
        )
    prepared.unlink()
    return {}


if __name__ == "__main__":
    child.answer(write)
