"""SSD with a ResNet-34, as narrow as one likes.

As in MLPerf's, the backbone ends with ResNet-34's third stage, whose stride is 1 here, and pairs of
convolutions shrink the image further. Each feature map gives, for each default box around each
place, four offsets and the logits of the classes. BatchNormalization follows every convolution but
the heads', since nothing here was trained before.

Reference:

- He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
- Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016.
"""

from __future__ import annotations

from typing import Any

import keras

from support.ssd_boxes import SHAPES

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 1))
"""Channels of the full width, blocks, and the stride of the first."""
EXTRAS = ((256, 512), (256, 512), (128, 256))
"""Channels of the 1x1 and of the 3x3 convolution, which halves height and width."""
STEM = "stem"
HEADS = "head"
EPSILON = 1e-5


def ssd(height: int, width: int, classes: int, share: float = 1.0) -> keras.Model:
    """A detector of images, (batch, height, width, 3), with a row for each default box.

    Args:
        height: Of images, whose values are normalized.
        width: Likewise.
        classes: Without that of boxes which hold nothing.
        share: Of the full width: channels are multiplied by it.

    Returns:
        Model with outputs (batch, default boxes, 4 + 1 + classes): offsets as in
        `ssd_boxes.encoded`, then logits, whose first is that of holding nothing.
    """
    image = keras.Input((height, width, 3), name="image")
    found = []
    for level, feature in enumerate(_features(image, share)):
        parts = []
        for name, each in (("boxes", 4), ("classes", 1 + classes)):
            head = f"{HEADS}{level}.{name}"
            outputs = keras.layers.Conv2D(len(SHAPES) * each, 3, padding="same", name=head)(feature)
            parts.append(keras.layers.Reshape((-1, each))(outputs))
        found.append(keras.layers.Concatenate()(parts))
    return keras.Model(image, keras.layers.Concatenate(axis=1)(found), name="ssd_resnet34")


def feature_maps(model: keras.Model) -> list[tuple[int, int]]:
    """Rows and columns of the feature maps that the heads read, the finest first."""
    heads = [layer for layer in model.layers if layer.name.startswith(HEADS)]
    return [head.output.shape[1:3] for head in heads if head.name.endswith("boxes")]


def _features(image: Any, share: float) -> list[Any]:
    hidden = _convolution(image, int(64 * share), 7, 2, STEM)
    hidden = keras.layers.MaxPooling2D(3, 2, padding="same")(hidden)
    for stage, (channels, blocks, stride) in enumerate(STAGES, start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            hidden = _block(hidden, int(channels * share), 1 if block else stride, name)
    found = [hidden]
    for number, (narrow, wide) in enumerate(EXTRAS):
        hidden = _convolution(hidden, int(narrow * share), 1, 1, f"extra{number}.conv1")
        hidden = _convolution(hidden, int(wide * share), 3, 2, f"extra{number}.conv2")
        found.append(hidden)
    return found


def _block(inputs: Any, channels: int, stride: int, name: str) -> Any:
    inner = _convolution(inputs, channels, 3, stride, f"{name}.conv1")
    inner = _convolution(inner, channels, 3, 1, f"{name}.conv2", relu=False)
    if inputs.shape != inner.shape:
        inputs = _convolution(inputs, channels, 1, stride, f"{name}.shortcut", relu=False)
    return keras.layers.ReLU()(keras.layers.Add()([inputs, inner]))


def _convolution(
    inputs: Any, channels: int, size: int, stride: int, name: str, relu: bool = True
) -> Any:
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    hidden = keras.layers.Conv2D(channels, size, stride, name=name, **options)(inputs)
    hidden = keras.layers.BatchNormalization(momentum=0.9, epsilon=EPSILON)(hidden)
    return keras.layers.ReLU()(hidden) if relu else hidden
