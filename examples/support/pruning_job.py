"""What `bert_mini.py` and `bert_squad.py` do alike: prune a trained BERT, score it, serve it.

An `Experiment` is what is theirs: the data, the dense model, how to train and what counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import keras
import numpy as np

import tfsparse
from support import command_line, dtypes, outcome, serving
from support.pretraining import save_weights
from support.scores import Scores, line
from support.serving import Rows
from support.text_tasks import Encoded
from support.training import Pruning, decaying, fit


class Experiment(ABC):
    """Data and a dense model.

    Attributes:
        dense: The model that pruning starts from.
        train: Texts to learn from.
        test: Texts to score with.
        held_out: Texts to choose settings by.
        length: The most pieces of a text.
    """

    dense: keras.Model
    train: Encoded
    test: Encoded
    held_out: Encoded
    length: int

    @abstractmethod
    def build(self, dtype: str) -> keras.Model:
        """A model of the dense one's sizes in a dtype policy, which stays the current one."""

    @abstractmethod
    def train_dense(self) -> keras.Model:
        """Trains the dense model."""

    @abstractmethod
    def start(self) -> keras.Model:
        """The dense model, as it is to be trained on."""

    @abstractmethod
    def train_on(
        self, model: keras.Model, arguments: argparse.Namespace, callbacks: list[Any]
    ) -> None:
        """Trains the dense model on, pruned or not, as the arguments say."""

    @abstractmethod
    def measured(self, rows: Rows, held_out: bool) -> Scores:
        """Scores of what a model gives for the texts to test, or for those held out."""

    def load_dense(self, path: Path, dtype: str) -> None:
        """Sets the dense model: trained now if there is no such file."""
        if not path.is_file():
            save_weights(self.train_dense(), path)
        self.dense = self.build(dtype)
        self.dense.load_weights(path)

    def texts(self, held_out: bool) -> Encoded:
        """What is scored."""
        return self.held_out if held_out else self.test

    def score(self, model: keras.Model, held_out: bool = False) -> Scores:
        """Scores on the test set, or on what is held out of training."""
        return self.measured(self.rows(model, self.texts(held_out)), held_out)

    def rows(self, model: keras.Model, encoded: Encoded) -> Rows:
        """What a model gives for each text."""
        return serving.predict(lambda **texts: model.predict_on_batch(texts), encoded)

    def in_float32(self, model: keras.Model) -> keras.Model:
        """A float32 model with the weights of one, which may compute in another type."""
        return serving.with_weights_of(model, self.build("float32"))


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
    experiment.train_on(pruned, arguments, [tfsparse.UpdatePruning()])
    report = tfsparse.sparsity_report(pruned)
    return tfsparse.strip_pruning(pruned), report


def train_on(
    model: keras.Model,
    train: Encoded,
    loss: keras.losses.Loss,
    arguments: argparse.Namespace,
    callbacks: list[Any],
) -> None:
    """Trains a model on some texts, or on as many of them as the arguments say."""
    if arguments.texts:
        chosen = np.random.default_rng(arguments.seed).permutation(len(train.tokens))
        train = train.taken(chosen[: arguments.texts])
    print(f"Train on, {arguments.epochs} epochs", flush=True)
    learn(model, train, loss, arguments, arguments.seed, callbacks)


def learn(
    model: keras.Model,
    train: Encoded,
    loss: keras.losses.Loss,
    recipe: Any,
    seed: int = 0,
    callbacks: list[Any] | None = None,
) -> None:
    """Trains a model on texts with Adam.

    Args:
        model: The model.
        train: Texts and labels.
        loss: What to learn from.
        recipe: Has `epochs`, `learning_rate` and `batch`.
        seed: Of dropout and the order of texts.
        callbacks: Callbacks of Keras.
    """
    keras.utils.set_random_seed(seed)
    steps = recipe.epochs * -(-len(train.tokens) // recipe.batch)
    optimizer = keras.optimizers.Adam(decaying(recipe.learning_rate, steps))
    fit(model, train.batches(recipe.batch, seed=seed), recipe.epochs, optimizer, loss, callbacks)


def serve(
    model: keras.Model, experiment: Experiment, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Exports a model, and scores and times what was exported: see `serving.served`."""
    with tempfile.TemporaryDirectory() as temporary:
        found = serving.served(
            experiment.in_float32(experiment.dense),
            experiment.in_float32(model),
            experiment.train,
            experiment.texts(arguments.held_out),
            arguments.keep or Path(temporary),
            lambda rows: experiment.measured(rows, arguments.held_out),
            experiment.length,
            arguments.serve,
        )
    outcome.say_served(found)
    return found


def run(experiment_of: Callable[[], Experiment], arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job: what was asked for, and what came out."""
    started = time.perf_counter()
    experiment = experiment_of()
    before = experiment.score(experiment.dense, arguments.held_out)
    print(f"Dense: {line(before)}", flush=True)
    model, sparsity = experiment.start(), 0.0
    if arguments.pattern == "dense":
        if arguments.epochs:
            experiment.train_on(model, arguments, [])
    else:
        model, report = prune(model, experiment, arguments)
        sparsity = report.total_sparsity
        print(report)
    after = experiment.score(model, arguments.held_out)
    outcome.say_after(before, after)
    served = serve(model, experiment, arguments) if arguments.serve else None
    return outcome.outcome(arguments, before, after, sparsity, started, served)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds how to prune, how to train meanwhile, and what to do with the result."""
    command_line.add_pruning(parser, "4x1", 0.9)
    parser.add_argument(
        "--lasso-to-the-end",
        action="store_true",
        help="goes on after the target sparsity is reached",
    )
    command_line.add_ranking(parser)
    parser.add_argument("--epochs", type=int, help="while pruning; the default is the task's")
    parser.add_argument("--batch", type=int, help="texts in a batch, likewise")
    parser.add_argument("--learning-rate", type=float, help="of Adam, likewise")
    parser.add_argument("--texts", type=int, help="how many to learn from; all by default")
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="score texts held out of training, to choose settings, and not the test set",
    )
    parser.add_argument(
        "--dtype",
        default="float32",
        help='or "mixed_bfloat16"; "auto" is the faster one on this processor',
    )
    command_line.add_serving(parser)
    command_line.add_rest(parser)


def with_defaults(arguments: argparse.Namespace, recipe: Any) -> argparse.Namespace:
    """The arguments, with a recipe's fields where none was given, and this processor's dtype."""
    for field in fields(recipe):
        if getattr(arguments, field.name) is None:
            setattr(arguments, field.name, getattr(recipe, field.name))
    arguments.dtype = dtypes.policy(arguments.dtype)
    return arguments
