"""ResNeXt-101 32x8d, in Keras 3, for images of 224 by 224."""

from __future__ import annotations

from typing import Any

from benchmarks.models import residual_network
from benchmarks.models.bench_model import BenchModel
from benchmarks.models.images import image_inputs

IMAGE = 224


def build() -> Any:
    """See `BenchModel`."""
    return residual_network.bottleneck_network(IMAGE, (3, 4, 23, 3), width=256, groups=32)


MODEL = BenchModel(
    "ResNeXt-101 32x8d, Keras 3, 224 by 224",
    build,
    image_inputs(IMAGE),
    batches=(1, 8),
    calibration=16,
    exclude=(residual_network.STEM, "head"),
    by_default=False,
)
