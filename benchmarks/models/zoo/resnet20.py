"""ResNet-20 for CIFAR-10, with shortcuts of option A, in Keras 3."""

from __future__ import annotations

from typing import Any

from benchmarks.models.bench_model import BenchModel
from benchmarks.models.images import image_input, image_inputs
from benchmarks.models.residual_network import STEM, convolution

IMAGE = 32


def build() -> Any:
    """See `BenchModel`."""
    import keras
    from keras import layers

    image = image_input(IMAGE)
    x = layers.ReLU()(convolution(image, 16, 3, name=STEM))
    for stage in range(3):
        for block in range(3):
            strides, filters = 2 if stage and not block else 1, 16 << stage
            inner = layers.ReLU()(convolution(x, filters, 3, strides))
            inner = convolution(inner, filters, 3)
            more = (filters - x.shape[-1]) // 2
            if more:  # Every second pixel, and channels of zeros on both sides.
                x = keras.ops.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (more, more)))
            x = layers.ReLU()(layers.Add()([inner, x]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10, name="head")(x))


MODEL = BenchModel(
    "ResNet-20 for CIFAR-10, Keras 3, 32 by 32",
    build,
    image_inputs(IMAGE),
    batches=(1, 8, 64),
    calibration=64,
    exclude=(STEM, "head"),
)
