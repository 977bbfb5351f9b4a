"""Trains a DLRM dense, prunes it two ways, converts each to INT8, and scores all of them."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

import tfsparse

from .architecture import TWO_LAYERS, WIDE_LAYERS, build, dense_layers_but
from .clicks import Clicks
from .scores import Auc, accuracy, auc
from .sources import Recipe, Source, draw_planted, read_criteo, read_frappe, read_raw_criteo

PATTERN, SPARSITY = "16x4", 0.85
MODELS: dict[str, tuple[str, ...]] = {
    " dense": (),
    ", two layers sparse": TWO_LAYERS,
    ", all wide layers sparse": WIDE_LAYERS,
}
CALIBRATION, PREDICTED_AT_ONCE = 512, 8192

Predict = Callable[[dict[str, np.ndarray]], np.ndarray]


def fit(
    model: keras.Model,
    data: Clicks,
    epochs: int,
    seed: int,
    callbacks: list[Any] | None = None,
    learning_rate: Any = Recipe.learning_rate,
    batch_size: int = Recipe.batch_size,
) -> None:
    """Trains a model.

    Args:
        model: As `architecture.build` makes it, pruned or not.
        data: Views to train on.
        epochs: Passes over them.
        seed: Of their order.
        callbacks: Callbacks of Keras.
        learning_rate: Adam's, a number or a schedule.
        batch_size: Views of a step.
    """
    keras.utils.set_random_seed(seed)
    # XLA would take longer to compile than it saves.
    model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy", jit_compile=False)
    model.fit(
        data.inputs,
        data.labels,
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
    )


def train_on(
    model: keras.Model, layers: tuple[str, ...], data: Clicks, recipe: Recipe, seed: int
) -> keras.Model:
    """A copy of a model that is trained on, and pruned meanwhile, without wrappers.

    Blocks go by the moving average of what the loss would lose with them. Tables stay what they
    are: a second pass over the same ids is where a DLRM begins to know its training data by heart.

    Args:
        model: The dense model. It stays what it is.
        layers: Names of the layers to prune; where there are none, the copy stays dense, which is
            what pruned models are compared with.
        data: Views to train on.
        recipe: How.
        seed: Of their order.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        layer.trainable = not isinstance(layer, keras.layers.Embedding)
    steps = -(-len(data.labels) // recipe.batch_size) * recipe.pruning_epochs
    rate = keras.optimizers.schedules.CosineDecay(recipe.pruning_rate, steps)
    if not layers:
        fit(copy, data, recipe.pruning_epochs, seed, None, rate, recipe.batch_size)
        return copy
    others = dense_layers_but(layers, model)
    wrapped = tfsparse.prune_block(
        copy, PATTERN, SPARSITY, exclude=others, criterion="gradient_momentum"
    )
    callbacks = [tfsparse.UpdatePruning()]
    fit(wrapped, data, recipe.pruning_epochs, seed, callbacks, rate, recipe.batch_size)
    stripped: keras.Model = tfsparse.strip_pruning(wrapped)
    return stripped


def int8_of(model: keras.Model, train: Clicks) -> Predict:
    """What a model gives when its layers and tables are INT8."""
    calibration = train.taken(slice(CALIBRATION)).inputs
    converted = tfsparse.convert(model, "int8", calibration, batch_size=2048, embeddings="int8")
    return lambda inputs: np.concatenate(
        [
            np.asarray(next(iter(converted(**rows).values())))
            for rows in _batches(inputs, PREDICTED_AT_ONCE)
        ]
    )


def _batches(inputs: dict[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
    for begin in range(0, len(inputs["ids"]), size):
        yield {name: each[begin : begin + size] for name, each in inputs.items()}


def variants(source: Source, seed: int) -> Iterator[tuple[str, Predict]]:
    """All models of one seed by their names, the dense one in FP32 first.

    All come from one dense model and are trained on from there for as long.
    """
    recipe, train = source.recipe, source.train
    keras.utils.set_random_seed(seed)
    start = build(source.table_sizes)
    fit(start, train, recipe.epochs, seed, None, recipe.learning_rate, recipe.batch_size)
    for name, layers in MODELS.items():
        model = train_on(start, layers, train, recipe, seed)
        yield f"FP32{name}", _predicting(model)
        yield f"INT8{name}", int8_of(model, train)


def _predicting(model: keras.Model) -> Predict:
    return lambda inputs: np.asarray(model.predict(inputs, batch_size=2048, verbose=0))


def run(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and scores for each seed; prints a table and gives its rows."""
    source = read(arguments)
    scores: dict[str, list[tuple[Auc, float]]] = {}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for name, predict in variants(source, seed):
            found = predict(source.test.inputs)
            score = auc(source.test.labels, found), accuracy(source.test.labels, found)
            scores.setdefault(name, []).append(score)
            print(f"seed {seed}: {name}: {_text(*score)}", flush=True)
        print(table(summary(scores)), flush=True)
    rows = summary(scores)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    return rows


def read(arguments: argparse.Namespace) -> Source:
    """The data that a command line asks for, and its recipe."""
    if arguments.source == "planted":
        source = draw_planted(arguments.views)
    elif arguments.source == "frappe":
        source = read_frappe(arguments.data)
    elif arguments.raw:
        source = read_raw_criteo(arguments.data, arguments.raw_rows)
    else:
        source = read_criteo(arguments.data)
    given = {name: getattr(arguments, name) for name in ("epochs", "pruning_epochs")}
    changes = {name: value for name, value in given.items() if value is not None}
    return source._replace(recipe=dataclasses.replace(source.recipe, **changes))


def _text(value: Auc, share: float) -> str:
    return f"AUC {value.value:.4f} +- {value.standard_error:.4f}, accuracy {share:.2%}"


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
