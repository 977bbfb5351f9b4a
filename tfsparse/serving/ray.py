"""Ray Data: a model for ``map_batches``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfsparse.serving.loading import load
from tfsparse.serving.rows import call_columns


class RayPredictor:
    """Runs a SavedModel on batches of a Ray data set.

    Use it as ``data.map_batches(RayPredictor, fn_constructor_args=["served/1"], concurrency=2)``.
    Columns with the names of the model's inputs are its inputs. Other columns stay, and the outputs
    are added.

    Args:
        path: Folder of the SavedModel, which every worker can read.
        signature: See `tfsparse.load`.
        threads: Threads of an op; by default as many as CPUs that Ray has given the actor.
    """

    def __init__(self, path: str, signature: str | None = None, threads: int | None = None) -> None:
        self._model = load(path, signature, _assigned_cpus() if threads is None else threads)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        """Runs a batch."""
        inputs = self._model.signature.inputs
        others = {name: column for name, column in batch.items() if name not in inputs}
        return {**others, **call_columns(self._model, batch)}


def _assigned_cpus() -> int:
    import ray

    assigned = ray.get_runtime_context().get_assigned_resources()
    return max(1, int(assigned.get("CPU", 1)))
