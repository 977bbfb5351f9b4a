"""Makes the models that are served: random weights, since speed does not depend on them."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np

import tfsparse

from .architecture import TABLES, TWO_LAYERS, WIDE_LAYERS, build, dense_layers_but
from .training import PATTERN, SPARSITY

CALIBRATION = 512
_PRUNED: dict[str, tuple[str, ...]] = {
    "int8_dense": (),
    "int8_two": TWO_LAYERS,
    "int8_all": WIDE_LAYERS,
}


def make(folder: Path, rows: int) -> None:
    """Writes the dense SavedModel as `source/`, three INT8 ones, and `calibration.npz`.

    Args:
        folder: Where; what is there of the same size is kept.
        rows: Rows of each table.
    """
    done = folder / "models.json"
    wanted = json.dumps({"rows": rows, "models": sorted(_PRUNED)})
    if done.is_file() and done.read_text() == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    model = build([rows] * TABLES)
    model.export(str(folder / "source"), verbose=False)
    inputs = calibration(rows)
    np.savez(folder / "calibration.npz", allow_pickle=False, **inputs)
    for name, layers in _PRUNED.items():
        tfsparse.export(
            _pruned(model, layers),
            folder / name,
            "int8",
            inputs,
            embeddings="int8",
            batch_size=2048,
            overwrite=True,
        )
    done.write_text(wanted)


def calibration(rows: int) -> dict[str, np.ndarray]:
    """Inputs to calibrate with."""
    rng = np.random.default_rng(1)
    return {
        "dense": np.log1p(rng.geometric(0.05, (CALIBRATION, 13))).astype(np.float32),
        "ids": rng.integers(0, rows, (CALIBRATION, TABLES), np.int32),
    }


def _pruned(model: keras.Model, layers: tuple[str, ...]) -> keras.Model:
    if not layers:
        return model
    others = dense_layers_but(layers, model)
    once = tfsparse.OneShot(SPARSITY)
    wrapped = tfsparse.prune_block(model, PATTERN, once, exclude=others)
    stripped: keras.Model = tfsparse.strip_pruning(wrapped)
    return stripped
