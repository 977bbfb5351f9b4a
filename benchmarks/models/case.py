"""A model at a sparsity, written to a folder in every form that an engine reads.

source/                  a SavedModel, pruned, dense ops
fp32/, bf16/, int8/      the same, exported by tfsparse
calibration.npz          inputs that every engine calibrates INT8 with
x<batch>.npz             inputs
expected<batch>.npz      what the source gives for them
model.onnx, ...          what `forms` makes of it for the peers
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import child
from benchmarks.harness.sparsity import Sparsity

TOLERANCE = {"fp32": 1e-3, "bf16": 0.1, "int8": 0.5}
"""Root of the mean squared error over the standard deviation of the source's results."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What was written.

    Attributes:
        model: Name of the model.
        sparsity: Its zeros.
        folder: Where it lies.
        batches: Rows that inputs were written for.
        converted: ``"converted of all"`` products of ours, for each precision.
        problems: Why there is none of ours, for each precision.
    """

    model: str
    sparsity: Sparsity
    folder: Path
    batches: tuple[int, ...]
    converted: dict[str, str]
    problems: dict[str, str]

    def error_of(self, results: Mapping[str, np.ndarray], batch: int) -> float:
        """The greatest error of any output, by the spread of what the source gives.

        A single number has no spread; then it is by that number.
        """
        errors = []
        with np.load(self.folder / f"expected{batch}.npz") as expected:
            for name in expected.files:
                right = expected[name].astype(np.float64)
                if name not in results or results[name].shape != right.shape:
                    return float("inf")
                spread = float(right.std()) or float(np.abs(right).max()) or 1.0
                difference = results[name].astype(np.float64) - right
                errors.append(float(np.sqrt(np.mean(difference**2))) / spread)
        return max(errors)


def build(
    model: str,
    sparsity: Sparsity,
    batches: Sequence[int],
    precisions: Sequence[str],
    seed: int,
    folder: Path,
) -> Case:
    """Writes the source and what tfsparse makes of it, in child processes.

    Args:
        model: See `registry.find`.
        sparsity: Its zeros.
        batches: Rows to write inputs for.
        precisions: What to export.
        seed: Of weights and inputs.
        folder: An empty folder.

    Raises:
        benchmarks.harness.child.ChildError: If there is no source. A conversion that fails is
            written down.
    """
    request: dict[str, Any] = {"folder": str(folder)}
    source = {"step": "source", "model": model, "sparsity": str(sparsity), "seed": seed}
    child.run("benchmarks.models.building", request | source | {"batches": list(batches)})
    converted, problems = {}, {}
    for precision in precisions:
        ours = {"step": "ours", "precision": precision}
        try:
            done = child.run("benchmarks.models.building", request | ours)
        except child.ChildError as error:
            problems[precision] = str(error)
            continue
        converted[precision] = f"{done['converted']} of {done['products']}"
    return Case(model, sparsity, folder, tuple(batches), converted, problems)
