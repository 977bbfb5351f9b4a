"""CIFAR-10: the first 10,000 training and 1,000 test images, or all 50,000 and 10,000.

The first ones are stored so that they compress well: colours as (R-G, G, B-G), then differences
along rows and columns, all modulo 256. All are stored as JPEG, which changes them.
"""

from __future__ import annotations

import lzma
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from support.locations import data_file

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
ALL_TRAINING_LABELS = 50_000
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
