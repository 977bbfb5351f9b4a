"""Apache Beam: a model for ``RunInference``.

Beam's own handler for TensorFlow cannot load SavedModels under Keras 3, and knows no op libraries.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from tfsparse.serving.loading import load
from tfsparse.serving.rows import call_columns, stack, unstack
from tfsparse.serving.served_model import ServedModel


class LoadedForBeam:
    """What Beam holds of a model in a worker, or in one process for all of them.

    In that case it hands over a proxy, which has methods and no attributes.
    """

    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def predict(self, examples: Sequence[Any]) -> list[Any]:
        """Results of examples, one for each."""
        return unstack(call_columns(self._model, stack(self._model, examples)), len(examples))


class BeamModelHandler(ModelHandler[Any, PredictionResult, LoadedForBeam]):  # type: ignore[misc]
    """Runs a SavedModel in ``RunInference``.

    Elements are arrays, one example each, or dicts of input name to array where the model has
    several inputs. Results are `PredictionResult`, with an array or a dict of output name to array.

    Args:
        path: Folder of the SavedModel, which every worker can read.
        signature: See `tfsparse.load`.
        threads: Threads of an op; 1 by default, as Beam runs several bundles in a process.
        **batching: What `ModelHandler` takes: ``min_batch_size``, ``max_batch_size``,
            ``large_model`` for one copy of the model a machine, ``model_copies`` for some.

    Raises:
        FileNotFoundError: In a worker, if there is no SavedModel.
        ValueError: In a worker, if elements do not fit the inputs.
    """

    def __init__(
        self,
        path: str,
        signature: str | None = None,
        threads: int = 1,
        **batching: Any,
    ) -> None:
        super().__init__(**batching)
        self._load = path, signature, threads

    def load_model(self) -> LoadedForBeam:
        """Loads the model in a worker."""
        return LoadedForBeam(load(*self._load))

    def run_inference(
        self, batch: Sequence[Any], model: LoadedForBeam, inference_args: Any = None
    ) -> Iterable[PredictionResult]:
        """Runs a batch of elements."""
        if inference_args:
            raise ValueError(
                f"`inference_args` should be None. Received: inference_args={inference_args!r}"
            )
        results = model.predict(list(batch))
        return [
            PredictionResult(example, result, self._load[0])
            for example, result in zip(batch, results, strict=True)
        ]

    def get_num_bytes(self, batch: Sequence[Any]) -> int:
        """Size of a batch, for Beam's metrics."""
        return sum(map(_bytes, batch))

    def get_metrics_namespace(self) -> str:
        """What Beam's metrics are called."""
        return "BeamML_tfsparse"


def _bytes(example: Any) -> int:
    values = example.values() if isinstance(example, dict) else [example]
    return sum(v.nbytes if isinstance(v, np.ndarray) else sys.getsizeof(v) for v in values)
