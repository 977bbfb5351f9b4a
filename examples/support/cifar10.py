"""CIFAR-10, the first 10,000 training and 1,000 test images or all, and ResNet-20 trained on it.

The images are stored so that they compress well: colours as (R-G, G, B-G), then differences
along rows and columns, all modulo 256.

Reference:

- He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2: ResNet-20
  with shortcuts of option A, which have no weights.
"""

from __future__ import annotations

import lzma
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from support.locations import data_file

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
ALL_TRAINING_LABELS = 50_000
EPSILON = 1e-5
PAD = 4

Data = tuple[np.ndarray, np.ndarray]


def load(root: Path) -> tuple[Data, Data]:
    """Training and test images, normalized float32 (n, 32, 32, 3), with labels 0 to 9."""
    train, test = (
        normalized(decoded(lzma.decompress(data_file(root, f"cifar10/{name}").read_bytes())))
        for name in ("lossless_train1.d2.xz", "lossless_test1000.d2.xz")
    )
    labels = np.fromfile(data_file(root, "cifar10/lossless_labels_51000.u8"), np.uint8)
    test_labels = labels[ALL_TRAINING_LABELS:].astype(np.int32)
    return (train, labels[: len(train)].astype(np.int32)), (test, test_labels)


def load_all(root: Path) -> tuple[Data, Data]:
    """All 50,000 training and 10,000 test images, stored as JPEG, which changes them; as `load`."""
    train, test = (
        unzipped(data_file(root, f"cifar10_jpeg/{name}.zip")) for name in ("train", "test")
    )
    return train, test


def unzipped(path: Path) -> Data:
    """Images, normalized, and labels of a ZIP file with a folder of JPEGs for each class."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        images = np.stack([tf.io.decode_jpeg(archive.read(name), 3).numpy() for name in names])
    folders = [name.partition("/")[0] for name in names]
    labels = np.unique(folders, return_inverse=True)[1].astype(np.int32)
    return normalized(images), labels


def decoded(content: bytes) -> np.ndarray:
    """Images as uint8 RGB (n, 32, 32, 3)."""
    planes = np.frombuffer(content, np.uint8).reshape(3, -1, 32, 32)
    images = np.moveaxis(planes, 0, -1)
    for axis in (2, 1):
        images = np.cumsum(images, axis=axis, dtype=np.uint8)
    images[..., 0] += images[..., 1]
    images[..., 2] += images[..., 1]
    return images


def normalized(images: np.ndarray) -> np.ndarray:
    """Images as the given weights expect them."""
    return (images.astype(np.float32) / 255 - MEAN) / DEVIATION


def augmented(
    data: Data, size: int, seed: int, teacher: Callable[[Any], Any] | None = None
) -> tf.data.Dataset:
    """Shuffled batches of images, each shifted by up to 4 pixels and flipped or not.

    Args:
        data: Images and labels.
        size: Images in a batch; those that do not fill one are left for another epoch.
        seed: Of the order, the shifts and the flips.
        teacher: Gives logits for images, which then stand beside the labels.
    """
    images, labels = data
    random = np.random.default_rng(seed)
    # Zero before normalization: black, as in the training of the given weights.
    black = np.broadcast_to(-MEAN / DEVIATION, (len(images), 32 + 2 * PAD, 32 + 2 * PAD, 3)).copy()
    black[:, PAD:-PAD, PAD:-PAD] = images

    def epoch() -> Iterator[Data]:
        order = random.permutation(len(images))
        for start in range(0, len(order) - size + 1, size):
            chosen = order[start : start + size]
            batch = np.empty((size, 32, 32, 3), np.float32)
            for row, image in enumerate(chosen):
                y, x = random.integers(0, 2 * PAD + 1, 2)
                crop = black[image, y : y + 32, x : x + 32]
                batch[row] = crop[:, ::-1] if random.random() < 0.5 else crop
            yield batch, labels[chosen]

    def taught(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        label = tf.cast(labels[:, None], tf.float32)
        return images, tf.concat([label, teacher(images)], axis=1)  # type: ignore[misc]

    dataset = tf.data.Dataset.from_generator(
        epoch,
        output_signature=(
            tf.TensorSpec([size, 32, 32, 3], tf.float32),
            tf.TensorSpec([size], tf.int32),
        ),
    )
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(images) // size))
    return (dataset.map(taught) if teacher else dataset).prefetch(8)


@keras.saving.register_keras_serializable("tfsparse_examples")
class OptionA(keras.layers.Layer):
    """A shortcut without weights: every second pixel, and channels of zeros on both sides."""

    def call(self, inputs: Any) -> Any:
        """Halves height and width and doubles the channels."""
        more = inputs.shape[-1] // 2
        return keras.ops.pad(inputs[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (more, more)))


def resnet20() -> keras.Model:
    """ResNet-20: a convolution, nine blocks of two, a dense layer; gives logits."""
    inputs = keras.Input((32, 32, 3), name="image")
    hidden = keras.layers.ReLU()(_convolution(inputs, 16, 1, "conv1", "bn1"))
    for stage, channels in enumerate((16, 32, 64), start=1):
        for block in range(3):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"layer{stage}.{block}"
            inner = _convolution(hidden, channels, stride, f"{name}.conv1", f"{name}.bn1")
            inner = keras.layers.ReLU()(inner)
            inner = _convolution(inner, channels, 1, f"{name}.conv2", f"{name}.bn2")
            shortcut = hidden if stride == 1 else OptionA()(hidden)
            hidden = keras.layers.ReLU()(keras.layers.Add()([inner, shortcut]))
    pooled = keras.layers.GlobalAveragePooling2D()(hidden)
    return keras.Model(inputs, keras.layers.Dense(10, name="linear")(pooled), name="resnet20")


def _convolution(inputs: Any, channels: int, stride: int, name: str, norm: str) -> Any:
    # PyTorch pads both sides alike; Keras's "same" with a stride of 2 does not.
    padded = keras.layers.ZeroPadding2D(1)(inputs) if stride == 2 else inputs
    hidden = keras.layers.Conv2D(
        channels,
        3,
        stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        name=name,
    )(padded)
    return keras.layers.BatchNormalization(epsilon=EPSILON, name=norm)(hidden)


def set_weights(model: keras.Model, path: Path) -> None:
    """Reads the trained weights, PyTorch's, into the model."""
    weights = np.load(path)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([weights[f"{layer.name}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([weights[f"{layer.name}.{part}"] for part in parts])
        elif isinstance(layer, keras.layers.Dense):
            layer.set_weights([weights[f"{layer.name}.weight"].T, weights[f"{layer.name}.bias"]])
