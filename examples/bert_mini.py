"""Prunes a small BERT on SST-2 or MRPC; see `--help`.

A 4-layer, 256-wide BERT ("mini") learns MiniLM's outputs on the tasks' texts, is trained on
the task, and is then pruned while it trains on. The first two are done once and kept in
artifacts/. Prints the scores on the test set before and after. With --serve the pruned model is
exported, and the SavedModel is scored and timed beside the dense one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from support import bert, dtypes, pretraining, serving
from support.locations import ARTIFACTS, add_data_argument, write_json
from support.scores import Scores, line, relative_loss, scores
from support.text_tasks import TASKS, Encoded
from support.training import Pruning, Taught, decaying, fit, with_features, with_outputs
from support.word_pieces import WordPieces

import tfsparse

CACHE = ARTIFACTS / "examples"
PRETRAINED = CACHE / "bert-mini.weights.h5"
PREDICT_BATCH = 64
CLASSES = 2
SCORES = ("accuracy", "f1")
NOT_SETTINGS = ("data", "json", "keep")


@dataclass(frozen=True)
class Recipe:
    """Epochs, learning rate of Adam, batch size; for pruning, the weight of dense features."""

    epochs: int
    learning_rate: float
    batch: int
    distill_features: float = 0.0


DENSE = {"sst2": Recipe(1, 3e-4, 64), "mrpc": Recipe(5, 2e-4, 32)}
PRUNING = {"sst2": Recipe(1, 5e-4, 64), "mrpc": Recipe(4, 5e-4, 32, distill_features=2.0)}


class Experiment:
    """A task, its encoded texts and its dense model.

    Args:
        arguments: As `parser` reads them.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.task = TASKS[arguments.task](arguments.data)
        self._root = arguments.data
        model, self.pieces = self._classifier(arguments.dtype)
        self.train = Encoded.of(self.task.train, self.pieces)
        self.test = Encoded.of(self.task.test, self.pieces)
        self.held_out = Encoded.of(self.task.held_out, self.pieces)
        self._dense_file = CACHE / f"{self.task.name}-dense.weights.h5"
        if not self._dense_file.is_file():
            pretraining.save_weights(self._train_dense(), self._dense_file)
            keras.config.set_dtype_policy(arguments.dtype)
        model.load_weights(self._dense_file)
        self.dense = model

    def score(self, model: keras.Model, held_out: bool = False) -> Scores:
        """Scores on the test set, or on the held-out part of the training texts."""
        encoded = self.held_out if held_out else self.test
        return scores(self.outputs(model, encoded)[:, :CLASSES], encoded.labels)

    def outputs(self, model: keras.Model, encoded: Encoded) -> np.ndarray:
        """What a model gives for texts, in their order: (texts, outputs)."""
        order = np.argsort([len(tokens) for tokens in encoded.tokens], kind="stable")
        found = model.predict(encoded.taken(order).batches(PREDICT_BATCH), verbose=0)
        return np.asarray(found, np.float32)[np.argsort(order)]

    def taught(self) -> Encoded:
        """Training texts whose labels have the dense model's outputs beside them.

        These are computed once.
        """
        path = CACHE / f"{self.task.name}-dense-outputs.npy"
        if not path.is_file() or path.stat().st_mtime < self._dense_file.stat().st_mtime:
            unfinished = path.with_name(f"unfinished-{path.name}")
            np.save(unfinished, self.outputs(with_features(self.dense), self.train))
            unfinished.replace(path)
        labels = with_outputs(self.train.labels, np.load(path))
        return Encoded(self.train.tokens, self.train.segments, labels)

    def in_float32(self, model: keras.Model) -> keras.Model:
        """A float32 classifier with the weights of a model, which may compute in another type."""
        plain, _ = self._classifier("float32")
        return serving.with_weights_of(model, plain)

    def _classifier(self, dtype: str) -> tuple[keras.Model, WordPieces]:
        keras.config.set_dtype_policy(dtype)
        body, pieces = pretraining.pretrained(self._root, PRETRAINED)
        # Not pruned, and more than half of what Adam would have to update.
        body.get_layer("embedding").trainable = False
        return bert.classifier(body, pairs=self.task.name == "mrpc"), pieces

    def _train_dense(self) -> keras.Model:
        recipe = DENSE[self.task.name]
        print(f"Train the dense model, {recipe.epochs} epochs", flush=True)
        model, _ = self._classifier(dtypes.policy(dtypes.AUTO))
        keras.utils.set_random_seed(0)
        steps = recipe.epochs * -(-len(self.train.tokens) // recipe.batch)
        optimizer = keras.optimizers.Adam(decaying(recipe.learning_rate, steps))
        data = self.train.batches(recipe.batch, seed=0)
        fit(model, data, recipe.epochs, optimizer, Taught())
        return model


def train_on(
    model: keras.Model, experiment: Experiment, arguments: argparse.Namespace, callbacks: list[Any]
) -> None:
    """Trains the dense model on, pruned or not, as the arguments say."""
    train = experiment.taught()
    if arguments.texts:
        chosen = np.random.default_rng(arguments.seed).permutation(len(train.tokens))
        train = train.taken(chosen[: arguments.texts])
    keras.utils.set_random_seed(arguments.seed)
    steps = arguments.epochs * -(-len(train.tokens) // arguments.batch)
    optimizer = keras.optimizers.Adam(decaying(arguments.learning_rate, steps))
    data = train.batches(arguments.batch, seed=arguments.seed)
    loss = Taught(arguments.distill, arguments.distill_features)
    print(f"Train on, {arguments.epochs} epochs", flush=True)
    fit(model, data, arguments.epochs, optimizer, loss, callbacks)


def prune(
    model: keras.Model, experiment: Experiment, arguments: argparse.Namespace
) -> tuple[keras.Model, tfsparse.SparsityReport]:
    """A pruned copy of a model, trained on, without wrappers; and how sparse it is."""
    options = {
        "exclude": ["class"],
        "criterion": arguments.criterion,
        "scope": arguments.scope,
        **json.loads(arguments.options),
    }
    lasso = tfsparse.GroupLasso(
        arguments.group_lasso, arguments.lasso_form, until_target=not arguments.lasso_to_the_end
    )
    pruned = Pruning(arguments.pattern, arguments.sparsity, lasso, options).wrap(model)
    train_on(pruned, experiment, arguments, [tfsparse.UpdatePruning()])
    report = tfsparse.sparsity_report(pruned)
    return tfsparse.strip_pruning(pruned), report


def serve(
    model: keras.Model, experiment: Experiment, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Exports a model, and scores and times what was exported: see `serving.served`."""
    dense, pruned = (experiment.in_float32(each) for each in (experiment.dense, model))
    test = experiment.held_out if arguments.held_out else experiment.test
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        found = serving.served(dense, pruned, experiment.train, test, folder, arguments.serve)
    speed = ", ".join(f"{t['speedup']:.2f}x by {t['batch']}" for t in found["timings"])
    served = {name: found[name] for name in SCORES}
    print(f"Pruned, in float32: {line(found['float32'])}")
    print(f"Served in {arguments.serve}: {line(served)}; {speed}", flush=True)
    return found


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job: what was asked for, and what came out."""
    started = time.perf_counter()
    experiment = Experiment(arguments)
    before = experiment.score(experiment.dense, arguments.held_out)
    print(f"Dense: {line(before)}", flush=True)
    model, sparsity = with_features(experiment.dense), 0.0
    if arguments.pattern == "dense":
        if arguments.epochs:
            train_on(model, experiment, arguments, [])
    else:
        model, report = prune(model, experiment, arguments)
        sparsity = report.total_sparsity
        print(report)
    after = experiment.score(model, arguments.held_out)
    lost = {name: relative_loss(before[name], after[name]) for name in before}
    print(f"After: {line(after)}; relative loss: {line(lost)}", flush=True)
    settings = {k: v for k, v in vars(arguments).items() if k not in NOT_SETTINGS}
    extra = {}
    if arguments.serve:
        extra = {"served": serve(model, experiment, arguments)}
    return {
        **settings,
        **extra,
        "dense": before,
        "result": after,
        "kernel_sparsity": sparsity,
        "seconds": round(time.perf_counter() - started),
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("--task", choices=sorted(TASKS), default="sst2")
    parser.add_argument(
        "--pattern", default="4x1", help='"4x1", "2:4" or another; "dense" trains on unpruned'
    )
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--group-lasso", type=float, default=0.0, help="strength")
    parser.add_argument(
        "--lasso-form",
        choices=("penalty", "proximal"),
        default="penalty",
        help="added to the loss, or taken off the weights after each step",
    )
    parser.add_argument(
        "--lasso-to-the-end",
        action="store_true",
        help="goes on after the target sparsity is reached",
    )
    parser.add_argument("--criterion", default="gradient_momentum", help="as in prune_block")
    parser.add_argument("--scope", default="global", help="likewise")
    parser.add_argument(
        "--distill", type=float, default=1.0, help="weight of the dense model's logits"
    )
    parser.add_argument(
        "--distill-features", type=float, help="and of what its last layer sees; the task's"
    )
    parser.add_argument("--epochs", type=int, help="while pruning; the default is the task's")
    parser.add_argument("--batch", type=int, help="texts in a batch, likewise")
    parser.add_argument("--learning-rate", type=float, help="of Adam, likewise")
    parser.add_argument("--texts", type=int, help="how many to learn from; all by default")
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="score texts held out of training, to choose settings, and not the test set",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--options", default="{}", help="more for prune_block, as JSON")
    parser.add_argument(
        "--dtype",
        default="float32",
        help='or "mixed_bfloat16"; "auto" is the faster one on this processor',
    )
    parser.add_argument(
        "--serve",
        nargs="?",
        const="int8",
        choices=("int8", "bf16", "fp32"),
        help="also export, score and time the SavedModel, in this precision (%(const)s)",
    )
    parser.add_argument("--keep", type=Path, help="folder to keep the SavedModels in")
    parser.add_argument("--json", type=Path, help="file for the result")
    add_data_argument(parser)
    return parser


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """The arguments, with the task's defaults and this processor's dtype."""
    arguments = parser().parse_args(words)
    for name in ("epochs", "learning_rate", "batch", "distill_features"):
        if getattr(arguments, name) is None:
            setattr(arguments, name, getattr(PRUNING[arguments.task], name))
    arguments.dtype = dtypes.policy(arguments.dtype)
    return arguments


def main() -> None:
    """Runs the whole job."""
    arguments = parsed()
    result = run(arguments)
    if arguments.json:
        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
