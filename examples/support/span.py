"""A BERT that finds a span: for each piece a logit of beginning it and one of ending it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from support.training import TEMPERATURE

# What pads is neither; small enough for float16.
NEVER = -1e4


@keras.saving.register_keras_serializable("tfsparse_examples")
class SpanLogits(keras.layers.Layer):
    """Logits (batch, pieces, 2) as (batch, 2, pieces), where what pads has next to no chance."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, logits: Any, tokens: Any) -> Any:
        """Logits of beginnings, then of ends."""
        pads = keras.ops.cast(tokens == 0, logits.dtype)
        return keras.ops.transpose(logits, (0, 2, 1)) + NEVER * pads[:, None, :]

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """None: the padding is in the logits."""
        return


def finder(body: keras.Model, dropout: float = 0.1) -> keras.Model:
    """An encoder with one dense layer on top, which sees each piece.

    Args:
        body: From `bert.encoder`.
        dropout: Share of what the layer sees that is dropped in training.

    Returns:
        Model to logits of shape (batch, 2, length).
    """
    dropped = keras.layers.Dropout(dropout, name="dropout")(body.outputs[-1])
    logits = keras.layers.Dense(2, name="class")(dropped)
    spans = SpanLogits(name="span")(logits, body.input["tokens"])
    return keras.Model(body.input, spans, name="finder")


def with_logits(labels: np.ndarray, rows: list[np.ndarray], length: int) -> np.ndarray:
    """Labels with a dense model's logits beside them, as `TaughtSpans` reads them.

    Args:
        labels: Of shape (windows, 2, 1).
        rows: Logits (2, pieces) for each window, padded or not.
        length: The most pieces.

    Returns:
        float32 of shape (windows, 2, 1 + length).
    """
    array = np.full((len(labels), 2, 1 + length), NEVER, np.float32)
    array[..., :1] = labels
    for target, row in zip(array, rows, strict=True):
        width = min(length, row.shape[1])
        target[:, 1 : 1 + width] = row[:, :width]
    return array


class TaughtSpans(keras.losses.Loss):
    """Cross entropy with beginnings and ends, and being like a dense model.

    ``CE(label, p) + logits * T^2 * CE(softmax(z' / T), softmax(z / T))`` as in
    `training.Taught`, where the classes are the pieces, and the mean of both logits counts.

    Args:
        logits: Weight of the second term; 0 for labels alone.
        temperature: T.
    """

    def __init__(self, logits: float = 0.0, temperature: float = TEMPERATURE) -> None:
        super().__init__(name="taught")
        self.logits, self.temperature = logits, temperature

    def accuracy(self, y_true: Any, y_pred: Any) -> Any:
        """Share of beginnings and ends that are right."""
        found = keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), y_true.dtype)
        return keras.ops.mean(keras.ops.cast(found == y_true[..., 0], "float32"), axis=-1)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of every window."""
        ops = keras.ops
        y_pred = ops.cast(y_pred, "float32")
        labels = ops.cast(y_true[..., 0], "int32")
        loss = ops.sparse_categorical_crossentropy(labels, y_pred, from_logits=True)
        if self.logits:
            teacher = y_true[..., 1 : 1 + ops.shape(y_pred)[-1]]
            soft = ops.softmax(teacher / self.temperature)
            taught = ops.categorical_crossentropy(soft, y_pred / self.temperature, from_logits=True)
            loss = loss + self.logits * self.temperature**2 * taught
        return ops.mean(loss, axis=-1)
