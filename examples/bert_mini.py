"""Prunes a small BERT on SST-2 or MRPC; see `--help`.

A 4-layer, 256-wide BERT ("mini") learns MiniLM's outputs on the tasks' texts, is trained on
the task, and is then pruned while it trains on. The first two are done once and kept in
artifacts/. Prints the scores on the test set before and after. With --serve the pruned model is
exported, and the SavedModel is scored and timed beside the dense one.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from support import bert, dtypes, pretraining, pruning_job
from support.command_line import run_program
from support.locations import ARTIFACTS
from support.scores import Scores, scores
from support.serving import Rows
from support.text_tasks import TASKS, Encoded
from support.training import Taught, with_features, with_outputs
from support.word_pieces import WordPieces

CACHE = ARTIFACTS / "examples"
PRETRAINED = CACHE / "bert-mini.weights.h5"
PREDICT_BATCH = 64
CLASSES = 2


@dataclass(frozen=True)
class Recipe:
    """Epochs, learning rate of Adam, batch size; for pruning, the weight of dense features."""

    epochs: int
    learning_rate: float
    batch: int
    distill_features: float = 0.0


DENSE = {"sst2": Recipe(1, 3e-4, 64), "mrpc": Recipe(5, 2e-4, 32)}
PRUNING = {"sst2": Recipe(1, 5e-4, 64), "mrpc": Recipe(4, 5e-4, 32, distill_features=2.0)}


class Experiment(pruning_job.Experiment):
    """A task, its encoded texts and its dense model.

    Args:
        arguments: As `parser` reads them.
    """

    length = bert.LONGEST_TEXT

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.task = TASKS[arguments.task](arguments.data)
        self._root = arguments.data
        _, self.pieces = self._body("float32")
        self.train = Encoded.of(self.task.train, self.pieces)
        self.test = Encoded.of(self.task.test, self.pieces)
        self.held_out = Encoded.of(self.task.held_out, self.pieces)
        self._dense_file = CACHE / f"{self.task.name}-dense.weights.h5"
        self.load_dense(self._dense_file, arguments.dtype)

    def measured(self, rows: Rows, held_out: bool) -> Scores:
        """Accuracy and F1."""
        return scores(np.stack(rows)[:, :CLASSES], self.texts(held_out).labels)

    def outputs(self, model: keras.Model, encoded: Encoded) -> np.ndarray:
        """What a model gives for texts, in their order: (texts, outputs)."""
        return np.stack(self.rows(model, encoded))

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

    def build(self, dtype: str) -> keras.Model:
        """A classifier in a dtype policy."""
        body, _ = self._body(dtype)
        # Not pruned, and more than half of what Adam would have to update.
        body.get_layer("embedding").trainable = False
        return bert.classifier(body, pairs=self.task.name == "mrpc")

    def start(self) -> keras.Model:
        """The dense model, which also gives what its last layer sees."""
        return with_features(self.dense)

    def train_dense(self) -> keras.Model:
        """Trains the classifier on the task."""
        recipe = DENSE[self.task.name]
        print(f"Train the dense model, {recipe.epochs} epochs", flush=True)
        model = self.build(dtypes.policy(dtypes.AUTO))
        pruning_job.learn(model, self.train, Taught(), recipe)
        return model

    def train_on(
        self, model: keras.Model, arguments: argparse.Namespace, callbacks: list[Any]
    ) -> None:
        """Trains on labels, and on the dense model's logits and features."""
        loss = Taught(arguments.distill, arguments.distill_features)
        pruning_job.train_on(model, self.taught(), loss, arguments, callbacks)

    def _body(self, dtype: str) -> tuple[keras.Model, WordPieces]:
        keras.config.set_dtype_policy(dtype)
        return pretraining.pretrained(self._root, PRETRAINED)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job: what was asked for, and what came out."""
    return pruning_job.run(lambda: Experiment(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("--task", choices=sorted(TASKS), default="sst2")
    pruning_job.add_arguments(parser)
    parser.add_argument(
        "--distill-features", type=float, help="and of what its last layer sees; the task's"
    )
    return parser


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """The arguments, with the task's defaults and this processor's dtype."""
    arguments = parser().parse_args(words)
    return pruning_job.with_defaults(arguments, PRUNING[arguments.task])


def main() -> None:
    """Runs the whole job."""
    run_program(run, parsed())


if __name__ == "__main__":
    main()
