"""Inputs for any signature, drawn by their types and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

BELOW = 100
WORDS = ("a", "film", "that", "nobody", "should", "miss", "or", "see", "twice", "Xylograph!")


def draw(
    specs: Mapping[str, Any],
    rows: int,
    length: int,
    below: Mapping[str, int],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draws inputs.

    Args:
        specs: Name to `tf.TensorSpec`.
        rows: Size of an open first axis.
        length: Size of other open axes.
        below: What integers of an input are below; `BELOW` for the others.
        rng: The generator.

    Returns:
        Name to array: floats are normal, texts are some words.
    """
    return {
        name: _array(spec, rows, length, below.get(name, BELOW), rng)
        for name, spec in sorted(specs.items())
    }


def _array(spec: Any, rows: int, length: int, below: int, rng: np.random.Generator) -> np.ndarray:
    shape = tuple(
        size if size is not None else (length if axis else rows)
        for axis, size in enumerate(spec.shape)
    )
    if spec.dtype.name == "string":
        texts = [" ".join(rng.choice(WORDS, 6)) for _ in range(int(np.prod(shape)))]
        return np.array(texts, "S").reshape(shape)
    if spec.dtype.is_bool:
        return rng.random(shape) < 0.5
    if spec.dtype.is_integer:
        return rng.integers(0, below, shape).astype(spec.dtype.as_numpy_dtype)
    return rng.normal(size=shape).astype(spec.dtype.as_numpy_dtype)
