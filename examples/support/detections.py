"""From what SSD gives for images to the boxes that it has found in them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from support.mean_precision import Found
from support.ssd_boxes import decoded

SAME = 0.45
"""From this overlap on, of two boxes of a class the one with the lower score is left out."""
LEAST_SCORE = 0.01
MOST = 100


def detections(outputs: np.ndarray, defaults: np.ndarray) -> list[Found]:
    """What was found in each image, the best first.

    Args:
        outputs: Of the model, (images, default boxes, 4 + 1 + classes).
        defaults: From `ssd_boxes.default_boxes`.
    """
    boxes = decoded(outputs[..., :4], defaults)
    chances = tf.nn.softmax(outputs[..., 4:])[..., 1:]
    kept = tf.image.combined_non_max_suppression(
        boxes[:, :, None], chances, MOST, MOST, SAME, LEAST_SCORE, clip_boxes=False
    )
    corners, scores, classes, counts = (each.numpy() for each in kept)
    return [
        (corners[i, :count], scores[i, :count], 1 + classes[i, :count].astype(np.int32))
        for i, count in enumerate(counts)
    ]
