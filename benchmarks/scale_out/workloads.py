"""The models, and examples for them: each has one input, ``x``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import idle_model

FEATURES, OUTPUTS = 256, 16
LENGTH, VOCABULARY = 128, 30522
_ZEROS = 0.9


@dataclasses.dataclass(frozen=True)
class Workload:
    """A model that is served.

    Attributes:
        export: Writes the SavedModel.
        draw: Makes some examples.
        batch: Examples of a call that suit it.
        examples: How many take some seconds of a core.
    """

    export: Callable[[Path], Any]
    draw: Callable[[int], np.ndarray]
    batch: int
    examples: int


def _rows(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, FEATURES), np.float32)


def _texts(count: int) -> np.ndarray:
    """Texts as numbers of tokens, the end of each filled up by zeros."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, VOCABULARY, (count, LENGTH), np.int32)
    return np.where(
        np.arange(LENGTH) < rng.integers(LENGTH // 2, LENGTH + 1, (count, 1)), tokens, 0
    )


def _export_perceptron(width: int) -> Callable[[Path], Any]:
    """Three layers, 90% zeros in 4x1 blocks."""

    def export(folder: Path) -> Any:
        import keras

        keras.utils.set_random_seed(0)
        hidden = [keras.layers.Dense(width, "relu", name=f"hidden_{i}") for i in range(3)]
        head = keras.layers.Dense(OUTPUTS, name="head")
        inputs = keras.layers.Input((FEATURES,), name="x")
        return _export(keras.Sequential([inputs, *hidden, head]), _rows(256), folder)

    return export


def _export_bert(folder: Path) -> Any:
    """KerasHub's BERT, four layers of 256, which gives two scores of a text."""
    import keras

    from benchmarks.models.keras_hub_bert import bert

    keras.utils.set_random_seed(0)
    x = keras.layers.Input((LENGTH,), dtype="int32", name="x")
    encoder = bert(layers=4, width=256, heads=4, length=LENGTH, vocabulary=VOCABULARY)
    given = {
        "token_ids": x,
        "segment_ids": keras.ops.zeros_like(x),
        "padding_mask": keras.ops.cast(x > 0, "int32"),
    }
    first = encoder(given)[:, 0]
    model = keras.Model(x, keras.layers.Dense(2, name="head")(first))
    return _export(model, _texts(64), folder)


def _export(model: Any, x: np.ndarray, folder: Path) -> Any:
    import tfsparse

    model = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(_ZEROS), exclude=["head"])
    return tfsparse.export(model, str(folder), precision="int8", calibration_data=x)


WORKLOADS = {
    "idle": Workload(lambda folder: idle_model.save(folder, FEATURES), _rows, 256, 200_000),
    "perceptron": Workload(_export_perceptron(1024), _rows, 256, 200_000),
    "bert": Workload(_export_bert, _texts, 32, 20_000),
}
