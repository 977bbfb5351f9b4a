"""ResNet and ResNeXt in Keras 3, for several files of `zoo/`.

Version 1.5: where a block halves the image, its 3x3 convolution does it.

Reference:

- He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
- Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", CVPR 2017.
"""

from __future__ import annotations

from typing import Any

STEM = "stem_conv"


def stem(x: Any, filters: int = 64) -> Any:
    """A quarter of the height and width: a 7x7 convolution and a maximum, each by 2."""
    from keras import layers

    x = layers.ReLU()(convolution(x, filters, 7, 2, name=STEM))
    return layers.MaxPooling2D(3, 2, padding="same")(x)


def convolution(
    x: Any, filters: int, size: int, strides: int = 1, groups: int = 1, name: str | None = None
) -> Any:
    """A convolution without bias, and its BatchNorm; both sides are padded alike."""
    from keras import layers

    if size > 1 and strides > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    padding = "valid" if strides > 1 else "same"
    options = {"padding": padding, "groups": groups, "use_bias": False, "name": name}
    x = layers.Conv2D(filters, size, strides, **options)(x)
    return layers.BatchNormalization(epsilon=1e-5)(x)


def bottleneck(x: Any, width: int, filters: int, strides: int = 1, groups: int = 1) -> Any:
    """1x1, 3x3 and 1x1 convolutions beside a shortcut."""
    from keras import layers

    inner = layers.ReLU()(convolution(x, width, 1))
    inner = layers.ReLU()(convolution(inner, width, 3, strides, groups))
    return _joined(x, convolution(inner, filters, 1), strides)


def basic_block(x: Any, filters: int, strides: int = 1) -> Any:
    """Two 3x3 convolutions beside a shortcut."""
    from keras import layers

    inner = layers.ReLU()(convolution(x, filters, 3, strides))
    return _joined(x, convolution(inner, filters, 3), strides)


def bottleneck_network(
    size: int, blocks: tuple[int, ...], width: int = 64, groups: int = 1, classes: int = 1000
) -> Any:
    """A classifier of square images, which gives logits.

    Args:
        size: Height and width.
        blocks: Bottlenecks of each stage.
        width: Channels of the first stage's 3x3 convolutions, in all groups together.
        groups: Of the 3x3 convolutions.
        classes: Outputs.
    """
    import keras
    from keras import layers

    from benchmarks.models.images import image_input

    image = image_input(size)
    x = stem(image)
    for stage, count in enumerate(blocks):
        for block in range(count):
            strides = 2 if stage and not block else 1
            x = bottleneck(x, width << stage, 256 << stage, strides, groups)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(classes, name="head")(x))


def _joined(x: Any, inner: Any, strides: int) -> Any:
    """The sum with the shortcut, which is a convolution where sizes differ."""
    from keras import layers

    if x.shape[1:] != inner.shape[1:]:
        x = convolution(x, inner.shape[-1], 1, strides)
    return layers.ReLU()(layers.Add()([inner, x]))
