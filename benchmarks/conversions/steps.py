"""The steps of a row, each in a child process of its own: see `row`.

    {"step": "write", "model": NAME, "folder": DIR}          -> {"bytes": ...}
    {"step": "load", "folder": DIR}                          -> {}
    {"step": "convert", "folder": DIR, "precision": "int8"}  -> {"converted": ..., "products": ...,
                                                                 "seconds": ..., "bytes": ...}
    {"step": "compare", "folder": DIR}                       -> {"difference": ...}

The folder holds `source/`, `converted/`, and for each signature `inputs.<key>.npz`,
`calibration.<key>.npz`, and `expected.<key>.<call>.npz`: every signature is called twice, because a
model may remember.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conversions import random_inputs, registry
from benchmarks.harness import child

ROWS, CALIBRATION_ROWS, CALLS = 4, 64, 2
SOURCE, CONVERTED = "source", "converted"


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Does one of the steps above."""
    folder = Path(request["folder"])
    if request["step"] == "write":
        return write(request["model"], folder)
    if request["step"] == "load":
        return load(folder)
    if request["step"] == "convert":
        return convert(folder, request["precision"])
    return {"difference": compare(folder)}


def write(name: str, folder: Path) -> dict[str, Any]:
    """Builds a model, and writes it, its inputs and its results."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model, source = registry.find(name), folder / SOURCE
    built = model.build(folder)
    if isinstance(built, Path):
        built.rename(source)
    else:
        built.export(str(source))
    del built
    rng = np.random.default_rng(0)
    loaded = tf.saved_model.load(str(source))
    for key, signature in sorted(loaded.signatures.items()):
        specs = signature.structured_input_signature[1]
        for what, rows in (("inputs", ROWS), ("calibration", CALIBRATION_ROWS)):
            drawn = random_inputs.draw(specs, rows, model.length, model.below, rng)
            np.savez(folder / f"{what}.{key}.npz", **drawn)
    for key, call, results in _results(source, folder):
        np.savez(folder / f"expected.{key}.{call}.npz", **results)
    return {"bytes": size_of(source)}


def load(folder: Path) -> dict[str, Any]:
    """Only loads the source; the peak of its process is what the conversion's is compared with."""
    import tensorflow as tf

    import tfsparse  # noqa: F401  as in `convert`

    loaded = tf.saved_model.load(str(folder / SOURCE))
    return {"signatures": len(loaded.signatures)}


def convert(folder: Path, precision: str) -> dict[str, Any]:
    """Converts the source."""
    import tfsparse

    data = _calibration(folder) if precision == "int8" else None
    start = time.monotonic()
    report = tfsparse.export(
        str(folder / SOURCE), folder / CONVERTED, precision, data, overwrite=True
    )
    return {
        "seconds": time.monotonic() - start,
        "converted": sum(op.converted for op in report),
        "products": len(report),
        "bytes": size_of(folder / CONVERTED),
    }


def compare(folder: Path) -> float:
    """The greatest difference to the source, over the greatest of the result it is in."""
    import tfsparse  # noqa: F401  registers the ops

    differences = [0.0]
    for key, call, results in _results(folder / CONVERTED, folder):
        with np.load(folder / f"expected.{key}.{call}.npz") as expected:
            for name in expected.files:
                differences.append(difference_of(results[name], expected[name]))
    return max(differences)


def difference_of(result: np.ndarray, right: np.ndarray) -> float:
    """``max |result - right| / max |right|``; 1 for texts that differ."""
    if result.shape != right.shape:
        raise ValueError(f"a result should be of shape {right.shape}. Received: {result.shape}")
    if right.dtype.kind not in "fiub":
        return float(not np.array_equal(result, right))
    if not right.size:
        return 0.0
    wide = right.astype(np.float64)
    greatest = float(np.abs(result.astype(np.float64) - wide).max())
    if not np.isfinite(greatest):
        raise ValueError("results should be finite")
    return greatest / (float(np.abs(wide).max()) or 1.0)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _calibration(folder: Path) -> Any:
    """One dict of arrays, or one for each signature."""
    found = {}
    for file in sorted(folder.glob("calibration.*.npz")):
        with np.load(file) as arrays:
            found[file.name.removeprefix("calibration.").removesuffix(".npz")] = dict(arrays)
    return found["serving_default"] if list(found) == ["serving_default"] else found


def _results(model: Path, folder: Path) -> Iterator[tuple[str, int, dict[str, np.ndarray]]]:
    """Calls every signature of a freshly loaded model, always in the same order."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model))
    for key, signature in sorted(loaded.signatures.items()):
        with np.load(folder / f"inputs.{key}.npz") as arrays:
            inputs = {name: tf.constant(arrays[name]) for name in arrays.files}
        for call in range(CALLS):
            results = {name: y.numpy() for name, y in signature(**inputs).items()}
            yield key, call, {name: _as_float32(y) for name, y in results.items()}


def _as_float32(y: np.ndarray) -> np.ndarray:
    """Half precision of either kind as what NumPy can write to a file."""
    return y.astype(np.float32) if y.dtype.name in ("float16", "bfloat16") else y


if __name__ == "__main__":
    child.answer(answer)
