"""Exports a pruned BERT, scores the SavedModel, and times it beside the dense one.

Both are the whole model, from ids to logits. Both run in one process by one thread, in turns:
TensorFlow runs the dense model in float32 as Keras exports it, `tfsparse.export` makes the other.
It is a process of its own, because TensorFlow makes its pool of threads when it first computes.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import serve

import tfsparse
from support.scores import Scores
from support.text_tasks import Encoded, padded

BATCHES = (1, 8, 32)
CALIBRATION = 128
SECONDS = 2.0
DENSE = "dense"
TIMED = "timed.npz"

Inputs = dict[str, np.ndarray]
# What a model gives for each text.
Rows = list[np.ndarray]


def served(
    dense: keras.Model,
    pruned: keras.Model,
    calibration: Encoded,
    test: Encoded,
    folder: Path,
    score: Callable[[Rows], Scores],
    length: int,
    precision: str = "int8",
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Exports both models, and scores and times them.

    Args:
        dense: A float32 model.
        pruned: The same, pruned.
        calibration: Texts to calibrate INT8 with; their labels are not read.
        test: Texts to score and to time with.
        folder: Gets the SavedModels, and the texts to time with.
        score: Scores of what a model gives for the texts to test.
        length: Of the texts to time with, in pieces; shorter ones are padded.
        precision: As in `tfsparse.export`.
        seconds: How long each batch is timed.

    Returns:
        Scores of the exported model, ``"float32"`` with those of `pruned`, ``"precision"``,
        ``"converted"`` ("24 of 24" products), and ``"timings"`` as in `timings`.
    """
    data = _calibration(calibration) if precision == "int8" else None
    converted = export_both(dense, pruned, folder, precision, data)
    _keep_some(test, length, folder / TIMED)
    with _process() as process:
        rows = process.submit(exported_rows, folder / precision, test).result()
    before = predict(lambda **texts: pruned.predict_on_batch(texts), test)
    return {
        **score(rows),
        "float32": score(before),
        "precision": precision,
        "converted": converted,
        "timings": timings(folder, precision, seconds),
    }


def export_both(
    dense: keras.Model, pruned: keras.Model, folder: Path, precision: str, data: list[Any] | None
) -> str:
    """Exports a model as Keras does, and its pruned form with `tfsparse.export`.

    Args:
        dense: The model.
        pruned: The same, pruned.
        folder: Gets the SavedModels, named `DENSE` and after the precision.
        precision: As in `tfsparse.export`.
        data: To calibrate INT8 with.

    Returns:
        How many products were converted: ``"24 of 24"``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dense.export(str(folder / DENSE), verbose=False)
    report = tfsparse.export(pruned, folder / precision, precision, data)
    return f"{sum(op.converted for op in report)} of {len(report)}"


def timings(folder: Path, precision: str, seconds: float = SECONDS) -> list[dict[str, float]]:
    """Times what `served` has left in a folder, in a process of its own.

    Args:
        folder: As it was given to `served`.
        precision: Likewise.
        seconds: How long each batch is timed.

    Returns:
        For each batch ``"batch"``, ``"ms"``, ``"dense_ms"`` and ``"speedup"``.
    """
    with _process() as process:
        return process.submit(time_both, folder, precision, seconds).result()


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def exported_rows(exported: Path, test: Encoded) -> Rows:
    """What a SavedModel gives for texts, run by one thread."""
    with tfsparse.load(exported, threads=1) as model:
        return predict(model, test)


def time_both(folder: Path, precision: str, seconds: float) -> list[dict[str, float]]:
    """Times both SavedModels of a folder by one thread."""
    with np.load(folder / TIMED) as arrays:
        texts = dict(arrays)
    dense, exported = folder / DENSE, folder / precision
    with tfsparse.load(dense, threads=1) as baseline, tfsparse.load(exported, threads=1) as model:
        return [time_batch(baseline, model, texts, batch, seconds) for batch in BATCHES]


def predict(model: Callable[..., Any], encoded: Encoded, batch: int = 64) -> Rows:
    """What a model gives for each of some texts, in their order."""
    # Of like length in a batch, each padded to the longest.
    order = np.argsort([len(tokens) for tokens in encoded.tokens], kind="stable")
    rows: dict[int, np.ndarray] = {}
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        given = np.asarray(model(**inputs_of(encoded.taken(chosen))), np.float32)
        rows |= zip(chosen, given, strict=True)
    return [rows[place] for place in range(len(order))]


def time_batch(
    baseline: Callable[..., Any],
    model: Callable[..., Any],
    texts: Inputs,
    batch: int,
    seconds: float,
) -> dict[str, float]:
    """Medians of both on the first of some texts, which are padded."""
    first = {name: array[:batch] for name, array in texts.items()}
    calls = [lambda x, each=each: each(**x) for each in (baseline, model)]
    dense_ms, ms = serve.measure(calls, first, seconds)
    return {"batch": batch, "ms": ms, "dense_ms": dense_ms, "speedup": dense_ms / ms}


def inputs_of(encoded: Encoded, length: int = 0) -> Inputs:
    """Texts as the model takes them, padded to the longest, or to `length` if that is more."""
    arrays = {"tokens": padded(encoded.tokens), "segments": padded(encoded.segments)}
    widths = {name: max(0, length - array.shape[1]) for name, array in arrays.items()}
    return {name: np.pad(array, ((0, 0), (0, widths[name]))) for name, array in arrays.items()}


def logits_of(model: keras.Model) -> keras.Model:
    """A classifier without what `training.with_features` has added to its output."""
    return keras.Model(model.input, model.get_layer("class").output)


def with_weights_of(model: keras.Model, plain: keras.Model) -> keras.Model:
    """A classifier with the weights of another, which may give features or be of another type.

    Args:
        model: A classifier, or what `training.with_features` has made of one.
        plain: One of the same sizes, which is changed.
    """
    plain.set_weights(logits_of(model).get_weights())
    return plain


def _keep_some(encoded: Encoded, length: int, path: Path) -> None:
    """Writes the texts to time with."""
    taken = encoded.taken(np.arange(max(BATCHES)) % len(encoded.tokens))
    np.savez(path, **inputs_of(taken, length))


def _calibration(encoded: Encoded) -> list[Inputs]:
    """Texts drawn at random, in batches of like length."""
    chosen = np.random.default_rng(0).permutation(len(encoded.tokens))[:CALIBRATION]
    taken = encoded.taken(sorted(chosen, key=lambda i: len(encoded.tokens[i])))
    places = np.array_split(np.arange(len(chosen)), max(1, len(chosen) // 16))
    return [inputs_of(taken.taken(each)) for each in places]
