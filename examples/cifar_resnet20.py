"""Prunes a trained ResNet-20 on CIFAR-10; see `--help`.

Loads the trained weights, prunes the convolutions while training on the first 10,000
training images, shifted and flipped, and prints the accuracy on the first 1,000 test images
before and after. With `--images all` it is all 50,000 and 10,000, which are stored as JPEG: the
dense model is first trained on with them, once, and kept in artifacts/.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
from support import cifar10
from support.locations import ARTIFACTS, add_data_argument, data_file, write_json
from support.pretraining import save_weights
from support.scores import line, relative_loss, scores
from support.training import Pruning, Taught, decaying, fit

import tfsparse

BATCH_SIZE = 128
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-4
DENSE_RATE = 0.01
# The first layer sees the pixels and has 0.2% of the weights; the last names the classes.
EXCLUDED = ("conv1", "linear")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job: what was asked for, and what came out."""
    started = time.perf_counter()
    load = cifar10.load_all if arguments.images == "all" else cifar10.load
    train, (images, labels) = load(arguments.data)
    dense = dense_model(arguments, train)
    before = scores(dense.predict(images, verbose=0), labels)
    print(f"Dense: {line(before)}", flush=True)

    keras.utils.set_random_seed(arguments.seed)
    # A copy, because training on `dense` would change the teacher.
    teacher = keras.models.clone_model(dense)
    teacher.set_weights(dense.get_weights())
    data = cifar10.augmented(
        train, BATCH_SIZE, arguments.seed, lambda images: teacher(images, training=False)
    )
    loss = Taught(arguments.distill, classes=10)
    steps = arguments.epochs * len(data)
    optimizer = sgd(arguments.learning_rate, steps)
    sparsity = 0.0
    if arguments.pattern == "dense":
        model = dense
        fit(model, data, arguments.epochs, optimizer, loss)
    else:
        options = {"exclude": list(EXCLUDED), **json.loads(arguments.options)}
        lasso = tfsparse.GroupLasso(arguments.group_lasso, arguments.lasso_form)
        pruning = Pruning(arguments.pattern, arguments.sparsity, lasso, options)
        pruned = pruning.wrap(dense)
        fit(pruned, data, arguments.epochs, optimizer, loss, [tfsparse.UpdatePruning()])
        report = tfsparse.sparsity_report(pruned)
        print(report)
        sparsity = report.total_sparsity
        model = tfsparse.strip_pruning(pruned)
    after = scores(model.predict(images, verbose=0), labels)
    lost = {name: relative_loss(before[name], after[name]) for name in before}
    print(f"After: {line(after)}; relative loss: {line(lost)}", flush=True)
    settings = {k: v for k, v in vars(arguments).items() if k not in ("data", "json")}
    return {
        **settings,
        "dense": before,
        "result": after,
        "kernel_sparsity": sparsity,
        "seconds": round(time.perf_counter() - started),
    }


def dense_model(arguments: argparse.Namespace, train: cifar10.Data) -> keras.Model:
    """ResNet-20 with the trained weights; on all images trained on with them, if it was not yet."""
    dense = cifar10.resnet20()
    weights = data_file(arguments.data, "cifar10_resnet_weights/resnet20.npz")
    cifar10.set_weights(dense, weights)
    if arguments.images == "all":
        path = ARTIFACTS / "examples" / f"resnet20-all-{arguments.dense_epochs}.weights.h5"
        if not path.is_file():
            print(f"Train the dense model on, {arguments.dense_epochs} epochs", flush=True)
            keras.utils.set_random_seed(0)
            data = cifar10.augmented(train, BATCH_SIZE, seed=0)
            steps = arguments.dense_epochs * len(data)
            fit(dense, data, arguments.dense_epochs, sgd(DENSE_RATE, steps), Taught(classes=10))
            save_weights(dense, path)
        dense.load_weights(path)
    return dense


def sgd(rate: float, steps: int) -> keras.optimizers.Optimizer:
    """SGD with Nesterov's momentum, as these weights were trained."""
    return keras.optimizers.SGD(
        decaying(rate, steps), MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument(
        "--pattern", default="2x1", help='"2x1", "4x1" or another; "dense" trains on unpruned'
    )
    parser.add_argument("--sparsity", type=float, default=0.75)
    parser.add_argument("--group-lasso", type=float, default=0.0, help="strength")
    parser.add_argument(
        "--lasso-form",
        choices=("penalty", "proximal"),
        default="penalty",
        help="added to the loss, or taken off the weights after each step",
    )
    parser.add_argument(
        "--distill", type=float, default=1.0, help="weight of the dense model's logits"
    )
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument(
        "--images", choices=("first", "all"), default="first", help="which to train and test on"
    )
    parser.add_argument(
        "--dense-epochs", type=int, default=10, help="of the dense model, with all images"
    )
    parser.add_argument("--learning-rate", type=float, default=0.05, help="of SGD, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--options", default="{}", help="more for prune_block, as JSON")
    parser.add_argument("--json", type=Path, help="file for the result")
    add_data_argument(parser)
    return parser


def main() -> None:
    """Runs the whole job."""
    arguments = parser().parse_args()
    result = run(arguments)
    if arguments.json:
        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
