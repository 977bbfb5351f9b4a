"""BCCD: microscope images of blood, with boxes around red and white cells and platelets.

Read from the archive as it is handed on: annotations in the XML of PASCAL VOC, images of 640 by 480
as JPEG. They are read at half that size. The smallest that counts, a platelet, is then 20 pixels
wide, and an epoch takes a quarter of the time.
"""

from __future__ import annotations

import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from support.locations import data_file

CLASSES = ("RBC", "WBC", "Platelets")
PARTS = ("train", "val", "test")
ARCHIVE = "bccd/bccd.tar.xz"
REDUCTION = 2
ZOOM = (0.7, 1.3)
GAIN = 0.15
SHIFT = 0.15
GREY = 127.5


@dataclass(frozen=True)
class Labelled:
    """Images with boxes in them.

    Attributes:
        images: uint8 (n, height, width, 3).
        boxes: For each image corners in pixels, (boxes, 4): left, top, right, bottom.
        classes: For each image and box its place in `CLASSES`, counted from 1.
    """

    images: np.ndarray
    boxes: list[np.ndarray]
    classes: list[np.ndarray]


def load(root: Path) -> dict[str, Labelled]:
    """The owners' parts: 205 images to train on, 87 to choose settings by, 72 to test on."""
    with tarfile.open(data_file(root, ARCHIVE)) as archive:
        files = {
            Path(member.name).name: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
            if member.isfile()
        }
    return {part: _part(files, files[f"{part}.txt"].decode().split()) for part in PARTS}


def _part(files: dict[str, bytes], names: list[str]) -> Labelled:
    images = [tf.io.decode_jpeg(files[f"{name}.jpg"], 3, ratio=REDUCTION).numpy() for name in names]
    labels = [annotated(files[f"{name}.xml"]) for name in names]
    boxes = [boxes / REDUCTION for boxes, _ in labels]
    return Labelled(np.stack(images), boxes, [classes for _, classes in labels])


def annotated(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and classes of an annotation, without the two boxes of the data that are empty.

    VOC counts pixels from 1 and names the last one that belongs to the box.
    """
    boxes, classes = [], []
    for thing in ElementTree.fromstring(content).iter("object"):
        corners = ("xmin", "ymin", "xmax", "ymax")
        left, top, right, bottom = (float(thing.findtext(f"bndbox/{c}", "")) for c in corners)
        if left < right and top < bottom:
            boxes.append((left - 1, top - 1, right, bottom))
            classes.append(1 + CLASSES.index(thing.findtext("name", "")))
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int32)


def normalized(images: Any) -> Any:
    """Pixels between -1 and 1."""
    return (images - GREY) / GREY


def augmented(
    data: Labelled,
    size: int,
    seed: int,
    targets: Callable[[np.ndarray, np.ndarray], np.ndarray],
    teacher: Callable[[Any], Any] | None = None,
) -> tf.data.Dataset:
    """Shuffled batches, each image zoomed, shifted, flipped both ways or not, and tinted.

    Args:
        data: What to train on.
        size: Images in a batch; those that do not fill one are left for another epoch.
        seed: Of the order and of all changes.
        targets: Gives, for boxes and classes, what the model is to say: (rows, columns).
        teacher: Gives the same rows for images, which then stand beside the targets.

    Returns:
        Dataset of normalized images (size, height, width, 3) and targets (size, rows,
        columns), which knows how many batches it has.
    """
    random = np.random.default_rng(seed)
    shape = data.images.shape[1:3]

    def epoch() -> Iterator[tuple[np.ndarray, ...]]:
        order = random.permutation(len(data.images))
        for start in range(0, len(order) - size + 1, size):
            chosen = order[start : start + size]
            windows = np.stack([window(random) for _ in chosen])
            gains = random.uniform(1 - GAIN, 1 + GAIN, (size, 1, 1, 3))
            shifts = random.uniform(-SHIFT, SHIFT, (size, 1, 1, 1))
            wanted = []
            for i, each in zip(chosen, windows, strict=True):
                boxes, kept = seen_through(each, data.boxes[i], shape)
                wanted.append(targets(boxes, data.classes[i][kept]))
            yield data.images[chosen], windows, gains, shifts, np.stack(wanted)

    def changed(images: Any, windows: Any, gains: Any, shifts: Any, wanted: Any) -> Any:
        # A window whose ends are swapped flips.
        images = tf.image.crop_and_resize(
            images, windows, tf.range(size), shape, extrapolation_value=GREY
        )
        images = normalized(images) * gains + shifts
        if teacher:
            wanted = tf.concat([wanted, teacher(images)], axis=-1)
        return images, wanted

    nothing = targets(np.zeros((0, 4), np.float32), np.zeros(0, np.int32))
    shapes = ([size, 4], [size, 1, 1, 3], [size, 1, 1, 1], [size, *nothing.shape])
    dataset = tf.data.Dataset.from_generator(
        epoch,
        output_signature=(
            tf.TensorSpec([size, *shape, 3], tf.uint8),
            *(tf.TensorSpec(each, tf.float32) for each in shapes),
        ),
    )
    count = len(data.images) // size
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    return dataset.map(changed).prefetch(4)


def window(random: np.random.Generator) -> np.ndarray:
    """The part of an image to see, as `tf.image.crop_and_resize` takes it: y, x, y, x."""
    zoom = random.uniform(*ZOOM)
    low = random.uniform(min(0, 1 - zoom), max(0, 1 - zoom), 2)
    ends = np.stack([low, low + zoom])
    for axis in range(2):
        if random.random() < 0.5:
            ends[:, axis] = ends[::-1, axis]
    return ends.ravel()


def seen_through(
    window: np.ndarray, boxes: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes as a window shows them.

    Args:
        window: As from `window`.
        boxes: Corners, (n, 4).
        shape: Height and width of the image, before and after.

    Returns:
        Boxes whose centre is seen, cut at the edges, and which of all these are.
    """
    height, width = shape
    low, high = window[[1, 0]], window[[3, 2]]
    # A window counts from the centre of the first pixel to that of the last.
    between = np.array([width - 1, height - 1])
    places = (boxes.reshape(-1, 2, 2) - 0.5) / between
    ends = (places - low) / (high - low) * between + 0.5
    kept = np.all((ends.mean(axis=1) > 0) & (ends.mean(axis=1) < (width, height)), axis=1)
    ends = np.clip(np.sort(ends[kept], axis=1), 0, (width, height))
    return ends.reshape(-1, 4).astype(np.float32), kept
