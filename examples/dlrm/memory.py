"""How much memory a DLRM takes while it is trained, pruned, converted and served.

Each step is a process of its own, so that its peak is known. The tables' rows decide: 26 tables of
100,000 rows are 1.33 GB in FP32.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .architecture import TABLES, WIDE_LAYERS, build, dense_layers_but

ROOT = Path(__file__).resolve().parents[2]
STEPS, BATCH = 10, 256


def run(arguments: argparse.Namespace) -> None:
    """Runs the steps and prints the peak of each."""
    folder = arguments.folder or ROOT / "artifacts" / "dlrm" / f"memory{arguments.rows}"
    folder.mkdir(parents=True, exist_ok=True)
    steps = ["build"] if arguments.serve_only else ["train"]
    gigabytes = arguments.rows * TABLES * 128 * 4 / 1e9
    print(f"{TABLES} tables of {arguments.rows} x 128, {gigabytes:.2f} GB in FP32")
    for step in [*steps, "convert", "serve"]:
        code = (
            "import sys; from examples.dlrm import memory; "
            "memory.step(sys.argv[1], sys.argv[2], int(sys.argv[3]))"
        )
        command = [sys.executable, "-c", code, step, str(folder), str(arguments.rows)]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        print(f"{step}: {json.loads(done.stdout)['peak_gb']:.2f} GB at most", flush=True)


def step(name: str, folder: str, rows: int) -> None:
    """Runs a step in this process and prints its peak of memory."""
    {"train": _train, "build": _build, "convert": _convert, "serve": _serve}[name](
        Path(folder), rows
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"peak_gb": peak / 1e9}))


def _inputs(rows: int, count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "dense": rng.random((count, 13), np.float32),
        "ids": rng.integers(0, rows, (count, TABLES), np.int32),
    }


def _train(folder: Path, rows: int) -> None:
    """Some steps of training while it is pruned, by SGD: Adam would hold each table three times."""
    import keras

    import tfsparse

    model: Any = build([rows] * TABLES)
    others = dense_layers_but(WIDE_LAYERS, model)
    wrapped = tfsparse.prune_block(model, "16x4", tfsparse.OneShot(0.85), exclude=others)
    wrapped.compile(keras.optimizers.SGD(0.01), "binary_crossentropy")
    labels = np.random.default_rng(1).integers(0, 2, BATCH * STEPS).astype(np.float32)
    wrapped.fit(
        _inputs(rows, BATCH * STEPS),
        labels,
        batch_size=BATCH,
        verbose=0,
        callbacks=[tfsparse.UpdatePruning()],
    )
    tfsparse.strip_pruning(wrapped).export(str(folder / "source"), verbose=False)


def _build(folder: Path, rows: int) -> None:
    build([rows] * TABLES).export(str(folder / "source"), verbose=False)


def _convert(folder: Path, rows: int) -> None:
    import tfsparse

    tfsparse.export(
        folder / "source",
        folder / "int8",
        "int8",
        _inputs(rows, 512),
        embeddings="int8",
        overwrite=True,
    )


def _serve(folder: Path, rows: int) -> None:
    import tfsparse

    served = tfsparse.load(folder / "int8")
    served(_inputs(rows, 2048))
