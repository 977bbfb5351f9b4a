"""The steps that need Keras and tfsparse, each in a child process: see `case`.

{"step": "source", "model": NAME, "sparsity": "4x1@0.9", "batches": [1], "seed": 0,
"folder": DIR}                                     -> {}
{"step": "ours", "folder": DIR, "precision": "int8"}  -> {"converted": 24, "products": 24}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import child
from benchmarks.harness.sparsity import Sparsity
from benchmarks.models import registry
from benchmarks.models.settling import settle_norms


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Does one of the steps above."""
    folder = Path(request["folder"])
    if request["step"] == "ours":
        return export_ours(folder, request["precision"])
    sparsity = Sparsity.parse(request["sparsity"])
    write_source(request["model"], sparsity, request["batches"], request["seed"], folder)
    return {}


def write_source(
    name: str, sparsity: Sparsity, batches: list[int], seed: int, folder: Path
) -> None:
    """Builds and prunes a model, and writes it with its inputs and results.

    Args:
        name: See `registry.find`.
        sparsity: Its zeros.
        batches: Rows to write inputs and results for.
        seed: Of weights and inputs.
        folder: Gets `source/`, `calibration.npz`, `int8_options.json`, and `x<batch>.npz` and
            `expected<batch>.npz`.
    """
    import keras
    import tensorflow as tf

    model = registry.find(name)
    (folder / "int8_options.json").write_text(json.dumps(dict(model.int8_options)))
    keras.utils.set_random_seed(seed)
    inputs = model.inputs(np.random.default_rng([seed, 0]), model.calibration)
    np.savez(folder / "calibration.npz", **inputs)
    pruned = prune(model.build(), sparsity, model.exclude)
    settle_norms(pruned, inputs)
    pruned.export(str(folder / "source"))
    del pruned
    signature = tf.saved_model.load(str(folder / "source")).signatures["serving_default"]
    for batch in batches:
        x = model.inputs(np.random.default_rng([seed, batch]), batch)
        np.savez(folder / f"x{batch}.npz", **x)
        y = signature(**{name: tf.constant(array) for name, array in x.items()})
        np.savez(folder / f"expected{batch}.npz", **y)


def prune(model: Any, sparsity: Sparsity, exclude: tuple[str, ...]) -> Any:
    """Prunes once, and scales what is left so that activations keep their size."""
    import tfsparse

    if sparsity.pattern == "dense":
        return model
    once = tfsparse.OneShot(sparsity.share)
    wrapped = tfsparse.prune_block(model, sparsity.pattern, once, exclude=exclude)
    pruned = tfsparse.strip_pruning(wrapped)
    for weight in pruned.trainable_weights:
        value = weight.numpy()
        kept = np.count_nonzero(value) / value.size
        if value.ndim > 1 and 0 < kept < 1:
            weight.assign(value / np.sqrt(kept))
    return pruned


def export_ours(folder: Path, precision: str) -> dict[str, Any]:
    """Writes what tfsparse makes of `source/` to a folder named after the precision."""
    import tfsparse

    with np.load(folder / "calibration.npz") as arrays:
        calibration = dict(arrays)
    data, options = None, {}
    if precision == "int8":
        data, options = calibration, json.loads((folder / "int8_options.json").read_text())
    source = str(folder / "source")
    report = tfsparse.export(source, folder / precision, precision, data, **options)
    return {"converted": sum(op.converted for op in report), "products": len(report)}


if __name__ == "__main__":
    child.answer(answer)
