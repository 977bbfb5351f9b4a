"""`model.onnx`: the source as tf2onnx converts it, in float32."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import onnx
from tf2onnx import convert, optimizer

from benchmarks.harness import child
from benchmarks.models import onnx_file

OPSET = 17


def write(request: dict[str, Any]) -> dict[str, Any]:
    """Converts `source/`.

    One optimizer is left out: it writes means over the last axis, which normalizations are made
    of, as GlobalAveragePool, and then no engine sees that they are normalizations.
    """
    folder = Path(request["folder"])
    optimizer._optimizers.pop("global_pool_optimizer", None)
    what = ["--saved-model", str(folder / "source"), "--tag", "serve"]
    signature = ["--signature_def", "serving_default", "--opset", str(OPSET)]
    sys.argv = ["tf2onnx", *what, *signature, "--output", str(folder / "model.onnx")]
    convert.main()
    model = onnx.load(str(folder / "model.onnx"))
    onnx_file.spell_erfc(model)
    onnx.save(model, str(folder / "model.onnx"))
    return {}


if __name__ == "__main__":
    child.answer(write)
