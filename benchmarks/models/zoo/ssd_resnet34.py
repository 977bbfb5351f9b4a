"""SSD with ResNet-34, as of MLPerf, in Keras 3, for images of 300 by 300.

The backbone ends with ResNet-34's third stage, whose stride is 1 here; five pairs of convolutions
shrink the image further. Six of the feature maps give boxes and scores of 81 classes. Choosing
among the boxes is left out.

Reference:

- Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016.
"""

from __future__ import annotations

from typing import Any

from benchmarks.models import residual_network
from benchmarks.models.bench_model import BenchModel
from benchmarks.models.images import image_input, image_inputs

IMAGE, CLASSES = 300, 81
BOXES = (4, 6, 6, 6, 4, 4)
EXTRAS = ((256, 512, 2), (256, 512, 2), (128, 256, 2), (128, 256, 0), (128, 256, 0))
"""Filters of the 1x1 and of the 3x3 convolution, and the stride of the latter; 0: not padded."""


def build() -> Any:
    """See `BenchModel`."""
    import keras
    from keras import layers

    image = image_input(IMAGE)
    x = residual_network.stem(image)
    for filters, blocks, strides in ((64, 3, 1), (128, 4, 2), (256, 6, 1)):
        for block in range(blocks):
            x = residual_network.basic_block(x, filters, 1 if block else strides)
    features = [x]
    for narrow, wide, strides in EXTRAS:
        x = layers.Conv2D(narrow, 1, activation="relu")(x)
        padding = "same" if strides else "valid"
        x = layers.Conv2D(wide, 3, strides or 1, padding, activation="relu")(x)
        features.append(x)
    found: dict[str, list[Any]] = {"boxes": [], "scores": []}
    for feature, boxes in zip(features, BOXES, strict=True):
        for name, each in (("boxes", 4), ("scores", CLASSES)):
            head = layers.Conv2D(boxes * each, 3, padding="same")(feature)
            found[name].append(layers.Reshape((-1, each))(head))
    return keras.Model(
        image, {name: layers.Concatenate(axis=1)(parts) for name, parts in found.items()}
    )


MODEL = BenchModel(
    "SSD with ResNet-34, Keras 3, 300 by 300",
    build,
    image_inputs(IMAGE),
    batches=(1, 8),
    calibration=16,
    exclude=(residual_network.STEM,),
    by_default=False,
)
