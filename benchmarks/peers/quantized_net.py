"""A network with its INT8 parameters, as a file that an engine's own environment can read.

An environment of a peer has NumPy and the peer and nothing of ours, so everything a model is
built from there lies in one `.npz`: float32 weights and biases, int8 weights with their scale per
output channel, and the scale and zero point of what each layer reads. They are the values that
conversion computes, so that all INT8 engines do the same arithmetic.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class QuantizedLayer:
    """One layer.

    Attributes:
        kernel: int8 ``(in, out)``.
        kernel_scale: float32 ``(out,)``.
        bias: float32 ``(out,)``.
        input_scale: Of what the layer reads.
        input_zero_point: Of what the layer reads, 0 to 255.
        output_scale: Of what it gives, after its ReLU.
        output_zero_point: Of what it gives.
    """

    kernel: np.ndarray
    kernel_scale: np.ndarray
    bias: np.ndarray
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int


def save(path: Path, layers: list[QuantizedLayer]) -> None:
    """Writes the layers to an `.npz` file."""
    arrays: dict[str, Any] = {}
    for index, layer in enumerate(layers):
        for field in dataclasses.fields(layer):
            arrays[f"{index}/{field.name}"] = getattr(layer, field.name)
    np.savez(path, **arrays)


def load(path: Path) -> list[QuantizedLayer]:
    """Reads the layers back."""
    with np.load(path) as arrays:
        count = len({name.split("/")[0] for name in arrays.files})
        return [
            QuantizedLayer(
                kernel=arrays[f"{index}/kernel"],
                kernel_scale=arrays[f"{index}/kernel_scale"],
                bias=arrays[f"{index}/bias"],
                input_scale=float(arrays[f"{index}/input_scale"]),
                input_zero_point=int(arrays[f"{index}/input_zero_point"]),
                output_scale=float(arrays[f"{index}/output_scale"]),
                output_zero_point=int(arrays[f"{index}/output_zero_point"]),
            )
            for index in range(count)
        ]
