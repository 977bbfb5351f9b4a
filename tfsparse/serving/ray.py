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

    Raises:
        FileNotFoundError: If there is no SavedModel.
        ValueError: When it is called, if the columns do not fit the inputs.

    Example:

    >>> layers = [keras.layers.Input((3,), name="x"), keras.layers.Dense(2)]
    >>> report = tfsparse.export(keras.Sequential(layers), "served/1")
    >>> predict = RayPredictor("served/1", threads=1)
    >>> batch = predict({"id": np.arange(4), "x": np.ones((4, 3))})
    >>> sorted(batch), batch["output_0"].shape
    (['id', 'output_0'], (4, 2))
    """

    def __init__(self, path: str, signature: str | None = None, threads: int | None = None) -> None:
        self._model = load(path, signature, _assigned_cpus() if threads is None else threads)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        """Runs a batch.

        Args:
            batch: Name of each column to its array, an example in each row.

        Returns:
            The columns that are no inputs, and the outputs by their names.
        """
        inputs = self._model.signature.inputs
        others = {name: column for name, column in batch.items() if name not in inputs}
        return {**others, **call_columns(self._model, batch)}


def _assigned_cpus() -> int:
    import ray

    assigned = ray.get_runtime_context().get_assigned_resources()
    return max(1, int(assigned.get("CPU", 1)))
