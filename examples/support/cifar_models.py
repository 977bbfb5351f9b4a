"""Networks for CIFAR-10's images: ResNets, whose trained weights are given, and a ResNeXt.

Reference:

- He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2: ResNets of
  6n + 2 layers with shortcuts of option A, which have no weights.
- Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", 2017, section 5.3:
  a ResNeXt of 9n + 2 layers; ours is a tenth as wide.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

EPSILON = 1e-5
SIZE = 32
CLASSES = 10
STAGES = (1, 2, 3)
FIRST, LAST = "conv1", "linear"


@keras.saving.register_keras_serializable("tfsparse_examples")
class OptionA(keras.layers.Layer):
    """A shortcut without weights: every second pixel, and channels of zeros on both sides."""

    def call(self, inputs: Any) -> Any:
        """Halves height and width and doubles the channels."""
        more = inputs.shape[-1] // 2
        return keras.ops.pad(inputs[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (more, more)))


def resnet(depth: int) -> keras.Model:
    """A ResNet: a convolution, three stages of blocks of two, a dense layer; gives logits.

    Args:
        depth: Number of layers with weights: 20, 32, 44, 56, ...
    """
    inputs = keras.Input((SIZE, SIZE, 3), name="image")
    hidden = keras.layers.ReLU()(_convolution(inputs, 16, 3, FIRST, "bn1"))
    for stage in STAGES:
        channels = 8 << stage
        for block in range((depth - 2) // 6):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"layer{stage}.{block}"
            inner = _convolution(hidden, channels, 3, f"{name}.conv1", f"{name}.bn1", stride)
            inner = keras.layers.ReLU()(inner)
            inner = _convolution(inner, channels, 3, f"{name}.conv2", f"{name}.bn2")
            shortcut = hidden if stride == 1 else OptionA()(hidden)
            hidden = keras.layers.ReLU()(keras.layers.Add()([inner, shortcut]))
    return _with_classes(inputs, hidden, f"resnet{depth}")


def resnext(depth: int = 29, groups: int = 8, group_width: int = 4) -> keras.Model:
    """A ResNeXt: like `resnet`, of blocks of three, the middle one in groups; gives logits.

    Args:
        depth: Number of layers with weights: 20, 29, 38, ...
        groups: Of the convolutions in the middle of a block.
        group_width: Channels of a group in the first stage; they double with each stage.
    """
    inputs = keras.Input((SIZE, SIZE, 3), name="image")
    hidden = keras.layers.ReLU()(_convolution(inputs, 2 * groups * group_width, 3, FIRST, "bn1"))
    for stage in STAGES:
        width = groups * group_width << (stage - 1)
        for block in range((depth - 2) // 9):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"layer{stage}.{block}"
            inner = _convolution(hidden, width, 1, f"{name}.conv1", f"{name}.bn1")
            inner = keras.layers.ReLU()(inner)
            inner = _convolution(inner, width, 3, f"{name}.conv2", f"{name}.bn2", stride, groups)
            inner = keras.layers.ReLU()(inner)
            inner = _convolution(inner, 2 * width, 1, f"{name}.conv3", f"{name}.bn3")
            shortcut = hidden if stride == 1 else OptionA()(hidden)
            hidden = keras.layers.ReLU()(keras.layers.Add()([inner, shortcut]))
    return _with_classes(inputs, hidden, f"resnext{depth}")


def _convolution(
    inputs: Any, channels: int, size: int, name: str, norm: str, stride: int = 1, groups: int = 1
) -> Any:
    # PyTorch pads both sides alike; Keras's "same" with a stride of 2 does not.
    padded = keras.layers.ZeroPadding2D(size // 2)(inputs) if stride == 2 else inputs
    hidden = keras.layers.Conv2D(
        channels,
        size,
        stride,
        padding="valid" if stride == 2 else "same",
        groups=groups,
        use_bias=False,
        name=name,
    )(padded)
    return keras.layers.BatchNormalization(epsilon=EPSILON, name=norm)(hidden)


def _with_classes(inputs: Any, hidden: Any, name: str) -> keras.Model:
    pooled = keras.layers.GlobalAveragePooling2D()(hidden)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, name=LAST)(pooled), name=name)


def set_weights(model: keras.Model, path: Path) -> None:
    """Reads trained weights, PyTorch's, into the model."""
    weights = np.load(path)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([weights[f"{layer.name}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([weights[f"{layer.name}.{part}"] for part in parts])
        elif isinstance(layer, keras.layers.Dense):
            layer.set_weights([weights[f"{layer.name}.weight"].T, weights[f"{layer.name}.bias"]])
