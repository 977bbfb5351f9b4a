"""Prunes an SSD with a narrow ResNet-34 on blood cells (BCCD); see `--help`.

A detector is trained on 205 images from nothing, once, and kept in artifacts/; it is then pruned
while it trains on. Prints the mean average precision on the test images before and after. With
--serve the pruned model is exported, and the SavedModel is scored and timed beside the dense one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from support import bccd, command_line, ssd, ssd_serving
from support.detections import detections
from support.locations import ARTIFACTS
from support.mean_precision import mean_precision
from support.outcome import outcome, say_after, say_served
from support.pretraining import save_weights
from support.scores import Scores, line
from support.ssd_boxes import default_boxes, matched
from support.ssd_loss import DetectionLoss
from support.training import Pruning, copied, decaying

import tfsparse

CACHE = ARTIFACTS / "examples"
BATCH_SIZE = 8
WEIGHT_DECAY = 1e-4
DENSE_RATE = 2e-3
# The first layer sees the pixels, and the heads name classes and places.
EXCLUDED = (ssd.STEM, f"{ssd.HEADS}*")


class Experiment:
    """The data, its default boxes and the dense model.

    Args:
        arguments: As `parser` reads them.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        parts = bccd.load(arguments.data)
        self.train = parts["train"]
        self.test = parts["val" if arguments.held_out else "test"]
        height, width = self.train.images.shape[1:3]
        keras.utils.set_random_seed(0)
        self.dense = ssd.ssd(height, width, len(bccd.CLASSES), arguments.width)
        self.defaults = default_boxes(height, width, ssd.feature_maps(self.dense))
        path = CACHE / f"ssd-bccd-{arguments.width:g}-{arguments.dense_epochs}.weights.h5"
        if not path.is_file():
            print(f"Train the dense model, {arguments.dense_epochs} epochs", flush=True)
            self.fit(self.dense, arguments.dense_epochs, DENSE_RATE, seed=0)
            save_weights(self.dense, path)
        self.dense.load_weights(path)

    def fit(
        self,
        model: keras.Model,
        epochs: int,
        rate: float,
        seed: int,
        distill: float = 0.0,
        callbacks: list[Any] | None = None,
    ) -> keras.callbacks.History:
        """Trains a model, which may learn from the dense one too."""
        # A copy, because the model may be the dense one.
        teach = partial(copied(self.dense), training=False) if distill else None
        targets = partial(matched, defaults=self.defaults)
        data = bccd.augmented(self.train, BATCH_SIZE, seed, targets, teach)
        rates = decaying(rate, epochs * len(data))
        model.compile(keras.optimizers.AdamW(rates, WEIGHT_DECAY), DetectionLoss(distill))
        # The data shuffles itself; without saying so Keras warns that it will not.
        return model.fit(data, epochs=epochs, verbose=2, callbacks=callbacks, shuffle=False)

    def score(self, outputs: np.ndarray) -> Scores:
        """Scores of what a model gives for the images to test on."""
        found = detections(outputs, self.defaults)
        return mean_precision(found, self.test.boxes, self.test.classes, bccd.CLASSES)

    def scored(self, model: keras.Model) -> Scores:
        """Scores of a model."""
        images = bccd.normalized(self.test.images.astype(np.float32))
        return self.score(model.predict(images, BATCH_SIZE, verbose=0))


def train_on(
    model: keras.Model, experiment: Experiment, arguments: argparse.Namespace, callbacks: list[Any]
) -> None:
    """Trains the dense model on, pruned or not, as the arguments say."""
    keras.utils.set_random_seed(arguments.seed)
    print(f"Train on, {arguments.epochs} epochs", flush=True)
    rate, seed = arguments.learning_rate, arguments.seed
    experiment.fit(model, arguments.epochs, rate, seed, arguments.distill, callbacks)


def prune(
    experiment: Experiment, arguments: argparse.Namespace
) -> tuple[keras.Model, tfsparse.SparsityReport]:
    """A pruned copy of the dense model, trained on, without wrappers; and how sparse it is."""
    options = {
        "exclude": list(EXCLUDED),
        "criterion": arguments.criterion,
        "scope": arguments.scope,
        **json.loads(arguments.options),
    }
    lasso = tfsparse.GroupLasso(arguments.group_lasso, arguments.lasso_form)
    pruned = Pruning(arguments.pattern, arguments.sparsity, lasso, options).wrap(experiment.dense)
    train_on(pruned, experiment, arguments, [tfsparse.UpdatePruning()])
    report = tfsparse.sparsity_report(pruned)
    return tfsparse.strip_pruning(pruned), report


def serve(
    dense: keras.Model, model: keras.Model, experiment: Experiment, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Exports a model, and scores and times what was exported: see `ssd_serving.served`."""
    train, test = (
        bccd.normalized(part.images.astype(np.float32))
        for part in (experiment.train, experiment.test)
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        found = ssd_serving.served(
            dense, model, train, test, experiment.score, folder, arguments.serve
        )
    say_served(found)
    return found


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job: what was asked for, and what came out."""
    started = time.perf_counter()
    experiment = Experiment(arguments)
    before = experiment.scored(experiment.dense)
    print(f"Dense: {line(before)}", flush=True)
    if arguments.pattern == "dense":
        model, sparsity = copied(experiment.dense), 0.0
        train_on(model, experiment, arguments, [])
    else:
        model, report = prune(experiment, arguments)
        sparsity = report.total_sparsity
        print(report)
    after = experiment.scored(model)
    say_after(before, after)
    served = serve(experiment.dense, model, experiment, arguments) if arguments.serve else None
    return outcome(arguments, before, after, sparsity, started, served)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    command_line.add_pruning(parser, "2x1", 0.75, taught="outputs")
    command_line.add_ranking(parser)
    parser.add_argument("--width", type=float, default=0.25, help="share of ResNet-34's channels")
    parser.add_argument("--epochs", type=int, default=20, help="while pruning")
    parser.add_argument("--dense-epochs", type=int, default=60, help="of the dense model")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of AdamW, at most")
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="score the 87 images to choose settings by, and not those to test on",
    )
    command_line.add_serving(parser)
    command_line.add_rest(parser)
    return parser


def main() -> None:
    """Runs the whole job."""
    command_line.run_program(run, parser().parse_args())


if __name__ == "__main__":
    main()
