"""Prunes a BERT that answers questions, on SQuAD; see `--help`.

MiniLM (6 layers, 384 wide) is trained on SQuAD; a 4-layer, 256-wide BERT ("mini") learns what
that gives. One of them is then pruned while it trains on, from labels and from its own dense
logits. What comes before pruning is done once and kept in artifacts/. Prints exact match and F1
on articles that no model was trained on, before and after. With --serve the pruned model is
exported, and the SavedModel is scored and timed beside the dense one.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from support import bert, dtypes, minilm, pretraining, pruning_job, span, windows
from support.answers import answer_scores
from support.command_line import run_program
from support.locations import ARTIFACTS
from support.scores import Scores
from support.serving import Rows
from support.squad import Question, squad
from support.text_tasks import Encoded
from support.windows import Windows

CACHE = ARTIFACTS / "examples"
MODELS = ("mini", "minilm")


@dataclass(frozen=True)
class Recipe:
    """Epochs, learning rate of Adam, batch size."""

    epochs: int
    learning_rate: float
    batch: int


DENSE = {"mini": Recipe(4, 3e-4, 16), "minilm": Recipe(3, 1e-4, 16)}
PRUNING = {"mini": Recipe(3, 3e-4, 16), "minilm": Recipe(2, 1e-4, 16)}
# The small BERT, which learns MiniLM's outputs first.
MINI = {"width": 256, "layers": 4, "heads": 4, "ffn": 1024}
PRETRAINING_EPOCHS = 5


class Experiment(pruning_job.Experiment):
    """The windows of the questions, and a dense model.

    Args:
        arguments: As `parser` reads them.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments, self.length = arguments, arguments.length
        self.model = arguments.model
        self.name = f"squad-{self.model}-{arguments.length}-{arguments.stride}"
        self.pieces = minilm.pieces()
        data = squad(arguments.data)
        self._train, self._test, self._held_out = map(
            self._windows, (data.train, data.test, data.held_out)
        )
        self.train, self.test, self.held_out = (
            each.encoded for each in (self._train, self._test, self._held_out)
        )
        self._dense_file = CACHE / f"{self.name}-dense.weights.h5"
        self.load_dense(self._dense_file, arguments.dtype)

    def measured(self, rows: Rows, held_out: bool) -> Scores:
        """Exact match and F1."""
        asked = self._held_out if held_out else self._test
        return answer_scores(asked.answers(rows), [each.answers for each in asked.questions])

    def taught(self) -> Encoded:
        """Training windows whose labels have the dense model's logits beside them.

        These are computed once.
        """
        path = CACHE / f"{self.name}-dense-logits.npy"
        if not path.is_file() or path.stat().st_mtime < self._dense_file.stat().st_mtime:
            rows = self.rows(self.dense, self.train)
            unfinished = path.with_name(f"unfinished-{path.name}")
            labels = span.with_logits(self.train.labels, rows, self.length)
            np.save(unfinished, labels[..., 1:].astype(np.float16))
            unfinished.replace(path)
        labels = span.with_logits(self.train.labels, list(np.load(path)), self.length)
        return Encoded(self.train.tokens, self.train.segments, labels)

    def build(self, dtype: str) -> keras.Model:
        """A model that finds spans, in a dtype policy."""
        keras.config.set_dtype_policy(dtype)
        body = self._minilm() if self.model == "minilm" else self._mini()
        # Not pruned, and pieces that only the test has stay as good as the others.
        body.get_layer("embedding").trainable = False
        return span.finder(body)

    def start(self) -> keras.Model:
        """The dense model itself."""
        return self.dense

    def train_dense(self) -> keras.Model:
        """Trains on the labels, and the small model on MiniLM's logits too."""
        recipe = DENSE[self.model]
        small = self.model == "mini"
        train = self._teacher.taught() if small else self.train
        model = self.build(dtypes.policy(dtypes.AUTO))
        print(f"Train the dense model, {recipe.epochs} epochs", flush=True)
        loss = span.TaughtSpans(1.0 if small else 0.0)
        pruning_job.learn(model, train, loss, recipe)
        return model

    def train_on(
        self, model: keras.Model, arguments: argparse.Namespace, callbacks: list[Any]
    ) -> None:
        """Trains on labels and the dense model's logits."""
        loss = span.TaughtSpans(arguments.distill)
        pruning_job.train_on(model, self.taught(), loss, arguments, callbacks)

    @cached_property
    def _teacher(self) -> Experiment:
        """The same with MiniLM, trained now if it was not yet."""
        return Experiment(argparse.Namespace(**{**vars(self._arguments), "model": "minilm"}))

    def _windows(self, questions: list[Question]) -> Windows:
        return Windows.of(questions, self.pieces, self.length, self._arguments.stride)

    def _minilm(self) -> keras.Model:
        every = np.arange(len(self.pieces.pieces))
        return minilm.encoder(minilm.read_weights(), every, dropout=0.1, longest=self.length)

    def _mini(self) -> keras.Model:
        """The small BERT, which has learned on the training windows what MiniLM gives."""

        def build() -> keras.Model:
            student = bert.encoder(len(self.pieces.pieces), **MINI, longest=self.length)
            student.get_layer("embedding").pieces.trainable = False
            return student

        return pretraining.distilled(
            build,
            lambda: pretraining.body_of(self._teacher.in_float32(self._teacher.dense)),
            lambda: self.train,
            np.arange(len(self.pieces.pieces)),
            CACHE / f"{self.name}.weights.h5",
            epochs=PRETRAINING_EPOCHS,
        )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job: what was asked for, and what came out."""
    return pruning_job.run(lambda: Experiment(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("--model", choices=MODELS, default="mini")
    parser.add_argument(
        "--length", type=int, default=windows.LENGTH, help="pieces of a window (%(default)s)"
    )
    parser.add_argument(
        "--stride",
        type=int,
        default=windows.STRIDE,
        help="from one window of a long paragraph to the next, at most (%(default)s)",
    )
    pruning_job.add_arguments(parser)
    return parser


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """The arguments, with the model's defaults and this processor's dtype."""
    arguments = parser().parse_args(words)
    return pruning_job.with_defaults(arguments, PRUNING[arguments.model])


def main() -> None:
    """Runs the whole job."""
    run_program(run, parsed())


if __name__ == "__main__":
    main()
