"""ONNX models with the shapes of a batch in place of open sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx


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
