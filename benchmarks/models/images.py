"""What the files of `zoo/` share whose inputs are images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.models.bench_model import Arrays

NAME = "image"


def image_inputs(
    size: int, mean: float = 0.0, deviation: float = 1.0
) -> Callable[[np.random.Generator, int], Arrays]:
    """Draws square images of three colours, blotches rather than noise of single pixels.

    Args:
        size: Height and width.
        mean: Of all colours.
        deviation: Their standard deviation.
    """

    def draw(rng: np.random.Generator, rows: int) -> Arrays:
        coarse = rng.normal(size=(rows, -(-size // 8), -(-size // 8), 3))
        blotches = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :size, :size]
        image = 0.8 * blotches + 0.6 * rng.normal(size=blotches.shape)
        return {NAME: (mean + deviation * image).astype(np.float32)}

    return draw


def image_input(size: int) -> Any:
    """The input of a Keras 3 model that `image_inputs` draws for."""
    import keras

    return keras.Input((size, size, 3), name=NAME)


def application(name: str, size: int) -> Any:
    """A model of `keras.applications` with random weights, which gives logits."""
    import keras

    make = getattr(keras.applications, name)
    return make(weights=None, input_tensor=image_input(size), classifier_activation=None)
