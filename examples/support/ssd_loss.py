"""What SSD learns from: labelled boxes, and maybe what a dense model says of the same images.

Almost all default boxes hold nothing, and most of them are easy to tell. So each image's classes
are learned from the boxes that hold something, and of the others from three times as many, those
that the model errs most about.

Reference:

- Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016, section 2.2.
- Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
- Chen et al., "Learning Efficient Object Detection Models with Knowledge Distillation", 2017.
"""

from __future__ import annotations

from typing import Any

import keras

NEGATIVES = 3
"""Default boxes that hold nothing, for each that holds something."""
TEMPERATURE = 2.0


@keras.saving.register_keras_serializable("tfsparse_examples")
class DetectionLoss(keras.losses.Loss):
    """Cross entropy of classes, smooth L1 of offsets, and being like a dense model in both.

    The targets are (batch, boxes, 5): offsets and a class, as `ssd_boxes.matched` gives them.
    To learn from a dense model, its outputs follow in the last axis. Both terms are sums over
    the boxes learned from, divided by the number of those that hold something.

    Args:
        distill: Weight of the dense model's part, which is
            ``T^2 * CE(softmax(z' / T), softmax(z / T))`` of logits, and smooth L1 of offsets.
        temperature: T.
    """

    def __init__(self, distill: float = 0.0, temperature: float = TEMPERATURE) -> None:
        super().__init__(name="detection")
        self.distill, self.temperature = distill, temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of every image."""
        ops = keras.ops
        classes = ops.cast(y_true[..., 4], "int32")
        offsets, logits = y_pred[..., :4], y_pred[..., 4:]
        held = ops.cast(classes > 0, "float32")
        by_class = ops.sparse_categorical_crossentropy(classes, logits, from_logits=True)
        by_place = smooth_l1(y_true[..., :4] - offsets)
        learned = held + hard(by_class, held)
        if self.distill:
            taught_offsets, taught_logits = y_true[..., 5:9], y_true[..., 9:]
            soft = ops.softmax(taught_logits / self.temperature)
            taught = ops.categorical_crossentropy(soft, logits / self.temperature, from_logits=True)
            by_class = by_class + self.distill * self.temperature**2 * taught
            by_place = by_place + self.distill * smooth_l1(taught_offsets - offsets)
        total = ops.sum(learned * by_class + held * by_place, axis=1)
        return total / ops.maximum(ops.sum(held, axis=1), 1.0)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal loss; Keras compiles a copy of a model with it."""
        return {"distill": self.distill, "temperature": self.temperature}


def smooth_l1(error: Any) -> Any:
    """Sum over the last axis of squares where errors are small, absolute values elsewhere."""
    ops = keras.ops
    size = ops.abs(error)
    return ops.sum(ops.where(size < 1, 0.5 * size * size, size - 0.5), axis=-1)


def hard(losses: Any, held: Any) -> Any:
    """1 for the default boxes without anything in them that the model errs most about.

    Args:
        losses: Of classes, (batch, boxes).
        held: 1 where a default box holds something, likewise.

    Returns:
        For each image `NEGATIVES` times as many ones as `held` has, and as many as for one
        where it has none; (batch, boxes).
    """
    ops = keras.ops
    losses = ops.where(held > 0, -1.0, losses)
    wanted = NEGATIVES * ops.maximum(ops.sum(held, axis=1, keepdims=True), 1.0)
    place = ops.cast(ops.minimum(wanted, losses.shape[1]), "int32") - 1
    least = ops.take_along_axis(-ops.sort(-losses, axis=1), place, axis=1)
    return ops.cast(ops.logical_and(losses >= least, held == 0), "float32")
