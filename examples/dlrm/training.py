"""Trains a DLRM dense, prunes it two ways, converts each to INT8, and scores all of them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

import tfsparse

from . import criteo
from .architecture import TWO_LAYERS, WIDE_LAYERS, build, dense_layers_but
from .criteo import Clicks
from .scores import Auc, accuracy, auc

PATTERN, SPARSITY = "16x4", 0.85
PRUNED = {"two layers": TWO_LAYERS, "all wide layers": WIDE_LAYERS}
CALIBRATION = 512
LEARNING_RATE, PRUNING_RATE = 1e-3, 3e-4

Predict = Callable[[dict[str, np.ndarray]], np.ndarray]


def read_data(root: Path, raw: bool, raw_rows: int) -> tuple[Clicks, Clicks, list[int]]:
    """Views to train and to test on, and the sizes of tables.

    Args:
        root: The folder of the data sets.
        raw: Whether the raw file is read, of which the last fifth is the test, or the encoded ones.
        raw_rows: Rows of each table for the raw file.
    """
    if raw:
        sizes = [raw_rows] * criteo.CATEGORIES
        every = criteo.read_raw(root / "criteo" / "criteo_raw_first10k.tsv.gz", sizes)
        cut = len(every.labels) * 4 // 5
        return every.taken(slice(cut)), every.taken(slice(cut, None)), sizes
    train, test = (
        criteo.read_encoded(root / "criteo" / f"deeplight_tiny_{part}_input.csv.gz")
        for part in ("train", "test")
    )
    return train, test, criteo.table_sizes_of(train, test)


def fit(
    model: keras.Model,
    data: Clicks,
    epochs: int,
    seed: int,
    callbacks: list[Any] | None = None,
    learning_rate: float = LEARNING_RATE,
) -> None:
    """Trains a model.

    Args:
        model: As `architecture.build` makes it, pruned or not.
        data: Views to train on.
        epochs: Passes over them.
        seed: Of their order.
        callbacks: Callbacks of Keras.
        learning_rate: Adam's.
    """
    keras.utils.set_random_seed(seed)
    model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy")
    model.fit(
        data.inputs, data.labels, batch_size=256, epochs=epochs, verbose=0, callbacks=callbacks
    )


def prune(
    model: keras.Model, layers: tuple[str, ...], data: Clicks, epochs: int, seed: int
) -> keras.Model:
    """A pruned copy of a model, trained on, without wrappers.

    Tables stay what they are: a second pass over the same ids is where a DLRM begins to know its
    training data by heart.

    Args:
        model: The dense model. It stays what it is.
        layers: Names of the layers to prune.
        data: Views to train on.
        epochs: Passes over them.
        seed: Of their order.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        layer.trainable = not isinstance(layer, keras.layers.Embedding)
    others = dense_layers_but(layers, model)
    wrapped = tfsparse.prune_block(copy, PATTERN, SPARSITY, exclude=others)
    fit(wrapped, data, epochs, seed, [tfsparse.UpdatePruning()], PRUNING_RATE)
    stripped: keras.Model = tfsparse.strip_pruning(wrapped)
    return stripped


def int8_of(model: keras.Model, train: Clicks) -> Predict:
    """What a model gives when its layers and tables are INT8."""
    calibration = train.taken(slice(CALIBRATION)).inputs
    converted = tfsparse.convert(model, "int8", calibration, batch_size=2048, embeddings="int8")
    return lambda inputs: np.asarray(next(iter(converted(**inputs).values())))


def variants(
    train: Clicks, sizes: list[int], epochs: int, pruning_epochs: int, seed: int
) -> Iterator[tuple[str, Predict]]:
    """All models of one seed by their names, the dense one in FP32 first."""
    keras.utils.set_random_seed(seed)
    dense = build(sizes)
    fit(dense, train, epochs, seed)
    yield "FP32 dense", _predicting(dense)
    yield "INT8 dense", int8_of(dense, train)
    for name, layers in PRUNED.items():
        pruned = prune(dense, layers, train, pruning_epochs, seed)
        yield f"FP32, {name} sparse", _predicting(pruned)
        yield f"INT8, {name} sparse", int8_of(pruned, train)


def _predicting(model: keras.Model) -> Predict:
    return lambda inputs: np.asarray(model.predict(inputs, batch_size=2048, verbose=0))


def run(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and scores for each seed; prints a table and gives its rows."""
    train, test, sizes = read_data(arguments.data, arguments.raw, arguments.raw_rows)
    scores: dict[str, list[tuple[Auc, float]]] = {}
    for seed in range(arguments.seeds):
        for name, predict in variants(
            train, sizes, arguments.epochs, arguments.pruning_epochs, seed
        ):
            found = predict(test.inputs)
            scores.setdefault(name, []).append(
                (auc(test.labels, found), accuracy(test.labels, found))
            )
            value, share = scores[name][-1]
            print(
                f"seed {seed}: {name}: AUC {value.value:.4f} +- {value.standard_error:.4f}, "
                f"accuracy {share:.2%}",
                flush=True,
            )
    rows = summary(scores)
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    return rows


def summary(scores: dict[str, list[tuple[Auc, float]]]) -> list[dict[str, Any]]:
    """Means over seeds, with standard errors.

    That of a mean AUC is DeLong's, of the views alone: all seeds see the same ones. That of the AUC
    relative to the first model's has two parts, the views' (DeLong's for a difference on the same
    views) and the seeds' (their spread over the root of their number).
    """
    first = next(iter(scores.values()))
    rows = []
    for name, found in scores.items():
        relative = np.asarray(
            [one.value / base.value for (one, _), (base, _) in zip(found, first, strict=True)]
        )
        of_views = np.mean(
            [one.error_of_difference(base) / base.value
             for (one, _), (base, _) in zip(found, first, strict=True)]
        )  # fmt: skip
        of_seeds = relative.std(ddof=1) / np.sqrt(len(relative)) if len(relative) > 1 else 0.0
        rows.append(
            {
                "model": name,
                "auc": float(np.mean([each.value for each, _ in found])),
                "auc_standard_error": float(np.mean([each.standard_error for each, _ in found])),
                "accuracy": float(np.mean([share for _, share in found])),
                "relative_auc": float(relative.mean()),
                "relative_auc_standard_error": float(np.hypot(of_views, of_seeds)),
                "seeds": len(found),
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = ["| model | AUC | accuracy | AUC relative to FP32 dense |", "| --- | --- | --- | --- |"]
    for row in rows:
        lines.append(
            f"| {row['model']} | {row['auc']:.4f} +- {row['auc_standard_error']:.4f} "
            f"| {row['accuracy']:.2%} "
            f"| {row['relative_auc']:.2%} +- {row['relative_auc_standard_error']:.2%} |"
        )
    return "\n".join(lines)
