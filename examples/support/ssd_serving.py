"""Exports a pruned detector, scores the SavedModel, and times it beside the dense one.

Both are the whole network, from pixels to offsets and logits; choosing among the boxes is left out.
`serving.py` times them, as it does text classifiers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import tfsparse
from support.scores import Scores
from support.serving import BATCHES, SECONDS, TIMED, export_both, timings

CALIBRATION = 64
BATCH = 8


def served(
    dense: keras.Model,
    pruned: keras.Model,
    calibration: np.ndarray,
    test: np.ndarray,
    score: Callable[[np.ndarray], Scores],
    folder: Path,
    precision: str = "int8",
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Exports both models, and scores and times them.

    Args:
        dense: A float32 detector, whose input is named "image".
        pruned: The same, pruned.
        calibration: Images to calibrate INT8 with.
        test: Images to score and to time with.
        score: Scores of outputs for `test`.
        folder: Gets the SavedModels, and the images to time with.
        precision: As in `tfsparse.export`.
        seconds: How long each batch is timed.

    Returns:
        What `serving.served` returns.
    """
    chosen = np.random.default_rng(0).permutation(len(calibration))[:CALIBRATION]
    data = _batches(calibration[chosen]) if precision == "int8" else None
    converted = export_both(dense, pruned, folder, precision, data)
    np.savez(folder / TIMED, image=np.resize(test, (max(BATCHES), *test.shape[1:])))
    with tfsparse.load(folder / precision) as model:
        outputs = np.concatenate([model(image=batch) for batch in _batches(test)])
    return {
        **score(outputs),
        "float32": score(pruned.predict(test, BATCH, verbose=0)),
        "precision": precision,
        "converted": converted,
        "timings": timings(folder, precision, seconds),
    }


def _batches(images: np.ndarray) -> list[np.ndarray]:
    return [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
