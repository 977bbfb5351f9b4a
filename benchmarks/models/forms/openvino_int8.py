"""`int8.xml`: the source, quantized by NNCF's post-training quantization."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino

from benchmarks.harness import child

_ATTENTION = {"Softmax", "ScaledDotProductAttention"}


def write(request: dict[str, Any]) -> dict[str, Any]:
    """Quantizes `source/`, with NNCF's settings for transformers where there is attention."""
    folder = Path(request["folder"])
    with np.load(folder / "calibration.npz") as arrays:
        calibration = dict(arrays)
    count = len(next(iter(calibration.values())))
    rows = [{name: x[row : row + 1] for name, x in calibration.items()} for row in range(count)]
    model = openvino.convert_model(str(folder / "source"))
    has_attention = any(op.get_type_name() in _ATTENTION for op in model.get_ops())
    quantized = nncf.quantize(
        model,
        nncf.Dataset(rows),
        subset_size=count,
        model_type=nncf.ModelType.TRANSFORMER if has_attention else None,
    )
    openvino.save_model(quantized, str(folder / "int8.xml"), compress_to_fp16=False)
    return {}


if __name__ == "__main__":
    child.answer(write)
