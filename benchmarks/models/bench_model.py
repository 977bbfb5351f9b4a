"""What a file of `zoo/` says about its model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class BenchModel:
    """A model that is pruned, exported and timed.

    Attributes:
        about: A line for the help.
        build: Makes a Keras 3 or tf_keras model with random weights, functional or Sequential,
            with an open batch; imports Keras itself, so that the list of models costs nothing.
        inputs: Draws inputs by their names: a generator, a number of rows.
        batches: Rows to time by default.
        calibration: Rows to calibrate INT8 with, for every engine.
        exclude: Layers to leave dense, as in `tfsparse.prune_block`.
        by_default: Whether it is timed where no model is named.
        int8_options: Further arguments of `tfsparse.export` in INT8.
    """

    about: str
    build: Callable[[], Any]
    inputs: Callable[[np.random.Generator, int], Arrays]
    batches: tuple[int, ...] = (1, 8, 32)
    calibration: int = 64
    exclude: tuple[str, ...] = ()
    by_default: bool = True
    int8_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def token_inputs(vocabulary: int, length: int) -> Callable[[np.random.Generator, int], Arrays]:
    """Inputs of an encoder as KerasHub names them: ids, segments, and a mask that keeps all."""

    def draw(rng: np.random.Generator, rows: int) -> Arrays:
        shape = (rows, length)
        return {
            "token_ids": rng.integers(0, vocabulary, shape, np.int32),
            "segment_ids": rng.integers(0, 2, shape, np.int32),
            "padding_mask": np.ones(shape, np.int32),
        }

    return draw
