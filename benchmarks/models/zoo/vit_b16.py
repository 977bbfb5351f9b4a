"""KerasHub's ViT-B/16 for images of 224 by 224: 12 layers of 768, 12 heads, 197 tokens."""

from __future__ import annotations

from typing import Any

from benchmarks.models.bench_model import BenchModel
from benchmarks.models.images import image_input, image_inputs

IMAGE = 224


def build() -> Any:
    """See `BenchModel`."""
    import keras
    import keras_hub

    backbone = keras_hub.models.ViTBackbone(
        image_shape=(IMAGE, IMAGE, 3),
        patch_size=16,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        mlp_dim=3072,
    )
    inputs = image_input(IMAGE)
    return keras.Model(inputs, backbone(inputs))


MODEL = BenchModel(
    "KerasHub's ViT-B/16, 12 layers of 768, 12 heads, 224 by 224",
    build,
    image_inputs(IMAGE),
    batches=(1, 8),
    calibration=16,
    by_default=False,
)
