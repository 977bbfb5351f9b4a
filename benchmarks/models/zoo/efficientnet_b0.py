"""EfficientNet-B0 of `keras.applications`, for images of 224 by 224."""

from __future__ import annotations

from typing import Any

from benchmarks.models.bench_model import BenchModel
from benchmarks.models.images import application, image_inputs

IMAGE = 224


def build() -> Any:
    """See `BenchModel`."""
    return application("EfficientNetB0", IMAGE)


MODEL = BenchModel(
    "EfficientNet-B0 of keras.applications, 224 by 224",
    build,
    image_inputs(IMAGE, mean=127.0, deviation=60.0),
    batches=(1, 8),
    calibration=32,
    exclude=("stem_conv", "*dwconv", "*_se_*", "predictions"),
)
