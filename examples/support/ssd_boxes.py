"""The boxes that SSD starts from, and boxes as offsets from them.

A detector of this kind has a fixed list of default boxes, several around each place of each
feature map. Of each it says what it holds, and how to move and stretch it. In training, every
default box is told which labelled box it stands for, if for any: `matched`.

Boxes are in pixels, and given by two corners, (left, top, right, bottom).

Reference:

- Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016, section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SMALLEST = 18.0
"""Side of the first feature map's squares; those of the next are twice as large each time."""
SHAPES = ((1.0, 1.0), (2**0.5, 2**0.5), (2**0.5, 0.5**0.5), (0.5**0.5, 2**0.5))
"""Width and height, as multiples of that side, of the default boxes around each place."""
SCALES = np.array([10.0, 10.0, 5.0, 5.0], np.float32)
"""What offsets are multiplied by, so that they are about as large as what classes learn from."""
OVERLAP = 0.5
"""From this intersection over union on, a default box stands for a labelled one."""


def default_boxes(height: int, width: int, maps: Sequence[tuple[int, int]]) -> np.ndarray:
    """All default boxes, in the order of the model's outputs: (boxes, 4), float32.

    Args:
        height: Of the image.
        width: Likewise.
        maps: Rows and columns of each feature map, the finest first.
    """
    found = []
    for level, (rows, columns) in enumerate(maps):
        y = (np.arange(rows) + 0.5) * height / rows
        x = (np.arange(columns) + 0.5) * width / columns
        centres = np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]
        half = np.array(SHAPES) * SMALLEST * 2**level / 2
        found.append(np.concatenate([centres - half, centres + half], axis=-1).reshape(-1, 4))
    return np.concatenate(found).astype(np.float32)


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair of boxes: (first, second)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (first, second)]
    return np.asarray(common / (areas[0][:, None] + areas[1][None] - common))


def encoded(boxes: np.ndarray, defaults: np.ndarray) -> np.ndarray:
    """Boxes as offsets from default boxes, one for each: centre, then logarithm of the size."""
    centre, size = _centre_and_size(boxes)
    from_centre, from_size = _centre_and_size(defaults)
    moved = np.concatenate([(centre - from_centre) / from_size, np.log(size / from_size)], axis=-1)
    return np.asarray(moved * SCALES, np.float32)


def decoded(offsets: np.ndarray, defaults: np.ndarray) -> np.ndarray:
    """The boxes that offsets stand for: the inverse of `encoded`; more axes may come before."""
    moved = offsets / SCALES
    from_centre, from_size = _centre_and_size(defaults)
    centre = from_centre + moved[..., :2] * from_size
    # A model that has learned nothing yet may say anything.
    size = from_size * np.exp(np.clip(moved[..., 2:], -4, 4))
    return np.concatenate([centre - size / 2, centre + size / 2], axis=-1)


def matched(boxes: np.ndarray, classes: np.ndarray, defaults: np.ndarray) -> np.ndarray:
    """What each default box is to say: four offsets and a class, 0 where it holds nothing.

    It stands for the box that it overlaps most, if that is by `OVERLAP`. And each labelled box
    has at least one that stands for it, the one that overlaps it most.

    Args:
        boxes: Labelled boxes, (n, 4).
        classes: Their classes, from 1 on, (n,).
        defaults: From `default_boxes`.

    Returns:
        Array (default boxes, 5), float32.
    """
    targets = np.zeros((len(defaults), 5), np.float32)
    if len(boxes):
        common = overlaps(defaults, boxes)
        chosen = common.argmax(axis=1)
        stands = common.max(axis=1) >= OVERLAP
        best = common.argmax(axis=0)
        chosen[best], stands[best] = np.arange(len(boxes)), True
        targets[stands, :4] = encoded(boxes[chosen[stands]], defaults[stands])
        targets[stands, 4] = classes[chosen[stands]]
    return targets


def _centre_and_size(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low
