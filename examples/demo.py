"""Trains, prunes, converts and serves a model on real images; see `--help`.

The main job of tfsparse from end to end, on the 1,797 handwritten digits that come
with scikit-learn: a perceptron and a convolutional network in Keras, dense and pruned in
blocks, exported as FP32 and INT8 SavedModels, each served in a new process that knows neither
Keras nor tfsparse's Python. Prints a table and writes it to artifacts/demo.json.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tfsparse

SEED = 0
BATCH_SIZE = 64
SECONDS = 0.5
"""To time a model with a batch size."""
GROUP_LASSO = 1e-5
CALIBRATION_IMAGES = 512

Data = tuple[np.ndarray, np.ndarray]
Precision = Literal["fp32", "int8"]


@dataclasses.dataclass(frozen=True)
class Network:
    """What is done with a network.

    Attributes:
        build: Makes the dense network.
        epochs: To train it; the same again to prune it.
        prunings: Patterns and the share of zeros for each.
        precisions: To export what is pruned in.
        exclude: Names of layers that stay dense.
    """

    build: Callable[[], keras.Model]
    epochs: int
    prunings: tuple[tuple[str, float], ...]
    precisions: tuple[Precision, ...]
    exclude: tuple[str, ...]


@contextmanager
def step(text: str) -> Iterator[None]:
    """Prints what is being done, and how long it took."""
    print(f"{text:<58}", end="", flush=True)
    start = time.perf_counter()
    yield
    print(f"{time.perf_counter() - start:6.1f} s", flush=True)


def show(report: object) -> None:
    """Prints a report, indented below the step that it is about."""
    print("\n" + textwrap.indent(str(report).strip("\n"), "    ") + "\n")


def digits() -> tuple[Data, Data]:
    """Training and test images, 64 pixels in [0, 1] each, with their labels."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels, test_size=360, random_state=SEED, stratify=labels
    )
    return (x_train, y_train), (x_test, y_test)


def perceptron() -> keras.Model:
    """A multi-layer perceptron, wide enough to be worth pruning."""
    layers = [keras.layers.Input((64,), name="pixels")]
    for number, units in enumerate((1024, 1024, 512), start=1):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"hidden_{number}"))
    layers.append(keras.layers.Dense(10, name="digit"))
    return keras.Sequential(layers, name="digits-mlp")


def convolutional() -> keras.Model:
    """A convolutional network with BatchNorm, on images of 8 by 8."""
    layers = [keras.layers.Input((64,), name="pixels"), keras.layers.Reshape((8, 8, 1))]
    for number, filters in enumerate((32, 64, 128, 128), start=1):
        if number == 3:
            layers.append(keras.layers.MaxPooling2D())
        name = f"conv_{number}"
        layers.append(keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name))
        layers += [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, name="digit")]
    return keras.Sequential(layers, name="digits-cnn")


NETWORKS = (
    Network(
        build=perceptron,
        epochs=30,
        prunings=(("4x1", 0.90), ("16x4", 0.85)),
        precisions=("fp32", "int8"),
        exclude=("digit",),
    ),
    Network(
        build=convolutional,
        epochs=6,
        prunings=(("2x1", 0.75), ("4x1", 0.75)),
        precisions=("int8",),
        exclude=("conv_1", "digit"),
    ),
)


def fit(model: keras.Model, data: Data, epochs: int, callbacks: list[Any]) -> None:
    """Trains a model; pruned or not makes no difference here."""
    steps = epochs * -(-len(data[0]) // BATCH_SIZE)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-4, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(*data, batch_size=BATCH_SIZE, epochs=epochs, verbose=0, callbacks=callbacks)


def prune(
    network: Network, model: keras.Model, data: Data, pattern: str, target: float
) -> keras.Model:
    """Prunes a trained model while it trains on, and gives a plain model back."""
    exclude = list(network.exclude)
    pruned = tfsparse.prune_block(
        model, pattern=pattern, schedule=target, group_lasso=GROUP_LASSO, exclude=exclude
    )
    with step(f"Prune in blocks of {pattern} to {target:.0%}, {network.epochs} epochs"):
        fit(pruned, data, network.epochs, [tfsparse.UpdatePruning()])
    show(tfsparse.sparsity_report(pruned))
    return tfsparse.strip_pruning(pruned)


def export(model: keras.Model, path: Path, precision: Precision, calibration: np.ndarray) -> None:
    """Writes a SavedModel that our ops run."""
    with step(f"Export {path.name}"):
        report = tfsparse.export(
            model, path, precision=precision, calibration_data=calibration, overwrite=True
        )
    show(report)


def train_and_export(network: Network, folder: Path, data: Data) -> list[dict[str, Any]]:
    """Writes all SavedModels of a network into a folder, the dense one first."""
    dense = network.build()
    with step(f"Train {dense.name}, {dense.count_params():,} parameters, {network.epochs} epochs"):
        fit(dense, data, network.epochs, [])
    with step("Export dense-fp32, as Keras does"):
        dense.export(str(folder / "dense-fp32"), verbose=False)
    models = [describe(dense, "dense", "fp32")]

    calibration = data[0][:CALIBRATION_IMAGES]
    export(dense, folder / "dense-int8", "int8", calibration)
    models.append(describe(dense, "dense", "int8"))
    for pattern, target in network.prunings:
        sparse = prune(network, dense, data, pattern, target)
        for precision in network.precisions:
            export(sparse, folder / f"{pattern}-{precision}", precision, calibration)
            models.append(describe(sparse, pattern, precision))
    return models


def describe(model: keras.Model, pattern: str, precision: str) -> dict[str, Any]:
    """The columns of the table that say which model it is."""
    kernels = [weight.numpy() for weight in model.weights if weight.name == "kernel"]
    zeros = 1 - sum(map(np.count_nonzero, kernels)) / sum(kernel.size for kernel in kernels)
    return {"model": model.name, "pattern": pattern, "precision": precision, "sparsity": zeros}


def serve(
    models: list[Path], baseline: Path, data: Path, batches: list[int]
) -> list[dict[str, Any]]:
    """Serves models of a network in a new process; see serve.py."""
    command = [sys.executable, str(Path(__file__).with_name("serve.py"))]
    command += ["--library", str(tfsparse.ops.library_path()), "--data", str(data)]
    command += ["--baseline", str(baseline), "--models", *map(str, models)]
    command += ["--batch", *map(str, batches), "--seconds", str(SECONDS)]
    with step(f"Serve {len(models)} models in a new process"):
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    results: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return results


def size(folder: Path) -> int:
    """Bytes of all files of a SavedModel."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def table(rows: list[dict[str, Any]]) -> str:
    """The rows, aligned."""
    head = (
        "model",
        "pattern",
        "precision",
        "accuracy",
        "sparsity",
        "KB",
        "batch",
        "ms",
        "speed-up",
    )
    lines = [
        (
            row["model"],
            row["pattern"],
            row["precision"],
            f"{row['accuracy']:.2%}",
            f"{row['sparsity']:.1%}",
            f"{row['bytes'] / 1000:,.0f}",
            str(row["batch"]),
            f"{row['ms']:.3f}",
            f"{row['speedup']:.2f}x",
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    texts = [
        "  ".join(
            cell.ljust(width) if i < 3 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in [head, tuple("-" * width for width in widths), *lines]
    ]
    return "\n".join(texts)


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes beside the file and renames, so that no reader sees half of it."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    unfinished.replace(path)


def main() -> None:
    """Runs the whole job."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("--out", type=Path, default=Path("artifacts"), help="folder to write to")
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[1024, 64, 1], help="batch sizes to time"
    )
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    (out / "demo").mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(SEED)
    train, (x_test, y_test) = digits()
    test_file = out / "demo" / "test.npz"
    np.savez(test_file, images=x_test, labels=y_test)
    print(f"\n{len(train[0])} images to train on, {len(x_test)} to test on\n")
    rows = []
    for network in NETWORKS:
        folder = out / "demo" / network.build.__name__
        models = train_and_export(network, folder, train)
        paths = [folder / f"{model['pattern']}-{model['precision']}" for model in models]
        results = serve(paths, folder / "dense-fp32", test_file, arguments.batch)
        for model, path, served in zip(models, paths, results, strict=True):
            about = {**model, "accuracy": served["accuracy"], "bytes": size(path)}
            rows += [{**about, **timing} for timing in served["timings"]]

    print(f"\n{table(rows)}\n")
    print(
        "Speed-up: over the same network's dense-fp32 in TensorFlow, in the same process, in turns."
    )
    write_json(out / "demo.json", rows)
    print(f"Written to {out / 'demo.json'}")


if __name__ == "__main__":
    main()
