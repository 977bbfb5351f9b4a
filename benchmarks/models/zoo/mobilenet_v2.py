"""MobileNetV2 of `keras.applications`, for images of 224 by 224."""

from __future__ import annotations

from typing import Any

from benchmarks.models.bench_model import BenchModel
from benchmarks.models.images import application, image_inputs

IMAGE = 224


def build() -> Any:
    """See `BenchModel`."""
    return application("MobileNetV2", IMAGE)


MODEL = BenchModel(
    "MobileNetV2 of keras.applications, 224 by 224",
    build,
    image_inputs(IMAGE),
    batches=(1, 8),
    calibration=32,
    exclude=("Conv1", "*depthwise*", "predictions"),
)
