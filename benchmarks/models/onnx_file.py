"""Small changes to ONNX models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx

_ONE = "one_of_erfc"


def with_shapes(file: Path, x: dict[str, np.ndarray]) -> bytes:
    """A model whose inputs have fixed shapes.

    Args:
        file: The model.
        x: Its inputs by name.

    Returns:
        The serialized model.
    """
    model = onnx.load(str(file))
    for given in model.graph.input:
        sizes = given.type.tensor_type.shape.dim
        for size, known in zip(sizes, x[given.name].shape, strict=True):
            size.Clear()
            size.dim_value = known
    del model.graph.value_info[:]  # shapes inside, which follow from those of the inputs
    return bytes(model.SerializeToString())


def spell_erfc(model: Any) -> None:
    """Writes Erfc, tf_keras's in GELU, as 1 - Erf: ONNX has no Erfc, and tf2onnx leaves it.

    Args:
        model: The model, which is changed.
    """
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
