"""`model.onnx`: the source as tf2onnx converts it, in float32."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from tf2onnx import convert, optimizer

from benchmarks.harness import child

OPSET = 17
_ONE = "one_of_erfc"


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
    spell_erfc(model)
    onnx.save(model, str(folder / "model.onnx"))
    return {}


def spell_erfc(model: Any) -> None:
    """Writes Erfc, tf_keras's in GELU, as 1 - Erf: ONNX has no Erfc, and tf2onnx leaves it."""
    nodes = []
    for node in model.graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        erf = f"{node.output[0]}/erf"
        nodes.append(onnx.helper.make_node("Erf", node.input, [erf], name=erf))
        nodes.append(onnx.helper.make_node("Sub", [_ONE, erf], node.output, name=node.name))
    if len(nodes) != len(model.graph.node):
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, "f"), _ONE))


if __name__ == "__main__":
    child.answer(write)
