"""Prunes a trained network on CIFAR-10; see `--help`.

Loads the trained weights of a ResNet, prunes the convolutions while training on the first 10,000
training images, shifted and flipped, and prints the accuracy on the first 1,000 test images
before and after. With `--images all` it is all 50,000 and 10,000, which are stored as JPEG: the
dense model is first trained on with them, once, and kept in artifacts/. A ResNeXt has no given
weights: it first learns from the logits of ResNet-56 on the same images, likewise once.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from typing import Any

import keras
from support import cifar10, cifar_models, command_line
from support.locations import ARTIFACTS, data_file
from support.outcome import outcome, say_after
from support.pretraining import save_weights
from support.scores import line, scores
from support.training import Pruning, Taught, copied, decaying, fit

import tfsparse

BATCH_SIZE = 128
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-4
# The first layer sees the pixels and has 0.2% of ResNet-20's weights; the last names the classes.
EXCLUDED = (cifar_models.FIRST, cifar_models.LAST)


@dataclass(frozen=True)
class Network:
    """A network and how its dense model is trained.

    Attributes:
        depth: Number of layers with weights.
        epochs: Epochs of the dense model.
        rate: Learning rate of SGD, at most.
        teacher: Network whose logits it learns from, from new weights on; None for one that has
            trained weights and learns from labels.
    """

    depth: int
    epochs: int
    rate: float
    teacher: str | None = None

    def build(self) -> keras.Model:
        """The network with new weights."""
        kind = cifar_models.resnext if self.teacher else cifar_models.resnet
        return kind(self.depth)


NETWORKS = {
    "resnet20": Network(20, 10, 0.01),
    "resnet56": Network(56, 10, 0.01),
    "resnext29": Network(29, 60, 0.1, teacher="resnet56"),
}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole job: what was asked for, and what came out."""
    started = time.perf_counter()
    load = cifar10.load_all if arguments.images == "all" else cifar10.load
    train, (images, labels) = load(arguments.data)
    dense = dense_model(arguments, arguments.network, train)
    before = scores(dense.predict(images, verbose=0), labels)
    print(f"Dense: {line(before)}", flush=True)

    keras.utils.set_random_seed(arguments.seed)
    data = taught_by(copied(dense), train, arguments.seed)
    loss = Taught(arguments.distill, classes=cifar_models.CLASSES)
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
    say_after(before, after)
    return outcome(arguments, before, after, sparsity, started)


def taught_by(teacher: keras.Model, train: cifar10.Data, seed: int) -> Any:
    """Batches of shifted and flipped images with labels and a model's logits."""
    return cifar10.augmented(
        train, BATCH_SIZE, seed, lambda images: teacher(images, training=False)
    )


def dense_model(arguments: argparse.Namespace, name: str, train: cifar10.Data) -> keras.Model:
    """A network with trained weights; trained now where it has to be and was not yet.

    Args:
        arguments: As `parser` reads them.
        name: Of `NETWORKS`.
        train: Images and labels.
    """
    network = NETWORKS[name]
    dense = _given(arguments, name)
    if not network.teacher and arguments.images != "all":
        return dense
    epochs = arguments.dense_epochs or network.epochs
    path = ARTIFACTS / "examples" / f"{name}-{arguments.images}-{epochs}.weights.h5"
    if not path.is_file():
        save_weights(_trained(arguments, name, train, epochs), path)
    dense.load_weights(path)
    return dense


def _given(arguments: argparse.Namespace, name: str) -> keras.Model:
    """A network with its given weights, or with new ones where there are none."""
    dense = NETWORKS[name].build()
    if not NETWORKS[name].teacher:
        weights = data_file(arguments.data, f"cifar10_resnet_weights/{name}.npz")
        cifar_models.set_weights(dense, weights)
    return dense


def _trained(
    arguments: argparse.Namespace, name: str, train: cifar10.Data, epochs: int
) -> keras.Model:
    """A network that learned from labels or from its teacher."""
    network = NETWORKS[name]
    keras.utils.set_random_seed(0)
    model = _given(arguments, name)
    loss = Taught(float(bool(network.teacher)), classes=cifar_models.CLASSES)
    if network.teacher:
        data = taught_by(dense_model(arguments, network.teacher, train), train, seed=0)
    else:
        data = cifar10.augmented(train, BATCH_SIZE, seed=0)
    print(f"Train the dense {name}, {epochs} epochs", flush=True)
    fit(model, data, epochs, sgd(network.rate, epochs * len(data)), loss)
    return model


def sgd(rate: float, steps: int) -> keras.optimizers.Optimizer:
    """SGD with Nesterov's momentum, as these weights were trained."""
    return keras.optimizers.SGD(
        decaying(rate, steps), MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("--network", choices=list(NETWORKS), default="resnet20")
    command_line.add_pruning(parser, "2x1", 0.75)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument(
        "--images", choices=("first", "all"), default="first", help="which to train and test on"
    )
    parser.add_argument(
        "--dense-epochs", type=int, help="of the dense model, where it is trained; the network's"
    )
    parser.add_argument("--learning-rate", type=float, default=0.05, help="of SGD, at most")
    command_line.add_rest(parser)
    return parser


def main() -> None:
    """Runs the whole job."""
    command_line.run_program(run, parser().parse_args())


if __name__ == "__main__":
    main()
