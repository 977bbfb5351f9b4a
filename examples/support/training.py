"""Trains and prunes the examples' models.

A plain `compile` and `fit`; what pruning adds is one call and one callback. The one extra is
distillation: while a model is pruned it may learn, beside the labels, what the dense model
gave for the same texts, which is computed once and stored as more columns of the labels. (Keras's
`Distiller` gives the same gradients, but runs the dense model in every step.)

Reference:

- Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfsparse

WARM_UP = 0.05
TEMPERATURE = 2.0


@dataclass(frozen=True)
class Pruning:
    """How a model is pruned.

    Attributes:
        pattern: "4x1", "2:4" and so on.
        sparsity: Share of the kernels' elements that will be zero.
        group_lasso: The group lasso.
        options: Further arguments of `tfsparse.prune_block`.
    """

    pattern: str
    sparsity: float
    group_lasso: tfsparse.GroupLasso
    options: dict[str, Any]

    def wrap(self, model: keras.Model) -> keras.Model:
        """The model, ready to be pruned while it trains."""
        return tfsparse.prune_block(
            model,
            pattern=self.pattern,
            schedule=self.sparsity,
            group_lasso=self.group_lasso,
            **self.options,
        )


def fit(
    model: keras.Model,
    data: tf.data.Dataset,
    epochs: int,
    optimizer: keras.optimizers.Optimizer,
    loss: Any,
    callbacks: list[Any] | None = None,
) -> keras.callbacks.History:
    """Compiles a model and trains it.

    Args:
        model: Gives what the loss reads: for `Taught` logits (batch, classes), and maybe
            features after them.
        data: Batches of inputs and labels: for `Taught` (batch,), or (batch, 1 + n) with what
            the dense model gives beside the label.
        epochs: Passes over the data.
        optimizer: What `compile` takes.
        loss: `Taught`, or another loss that has an `accuracy`.
        callbacks: Callbacks of Keras.
    """
    model.compile(optimizer, loss, metrics=[loss.accuracy])
    # The data shuffles itself; without saying so Keras warns that it will not.
    return model.fit(data, epochs=epochs, verbose=2, callbacks=callbacks, shuffle=False)


def decaying(rate: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """A learning rate that warms up and then falls to a hundredth along a cosine."""
    warm_up = max(1, int(WARM_UP * steps))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), alpha=0.01, warmup_target=rate, warmup_steps=warm_up
    )


def copied(model: keras.Model) -> keras.Model:
    """A copy, because training on a model would change the teacher."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def with_outputs(labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Labels with what the dense model gives beside them, as `Taught` reads them."""
    return np.concatenate([labels[:, None], outputs], axis=1).astype(np.float32)


def with_features(classifier: keras.Model) -> keras.Model:
    """A classifier that gives, after its logits, what its last layer has seen."""
    features = classifier.get_layer("dropout").input
    outputs = keras.layers.Concatenate(name="with_features")([classifier.output, features])
    return keras.Model(classifier.input, outputs)


class Taught(keras.losses.Loss):
    """Cross entropy with the labels, and being like a dense model in two ways.

    ``CE(label, p) + logits * T^2 * CE(softmax(z' / T), softmax(z / T)) + features * |f' - f|^2``

    where z are logits and f what the last layer sees, with a dash the dense model's, and
    |.|^2 is a mean over features.

    Args:
        logits: Weight of the second term; 0 for labels alone.
        features: Weight of the third.
        classes: Number of logits.
        temperature: T.
    """

    def __init__(
        self,
        logits: float = 0.0,
        features: float = 0.0,
        classes: int = 2,
        temperature: float = TEMPERATURE,
    ) -> None:
        super().__init__(name="taught")
        self.logits, self.features, self.classes = logits, features, classes
        self.temperature = temperature

    def accuracy(self, y_true: Any, y_pred: Any) -> Any:
        """Whether each example is classified rightly."""
        logits = y_pred[:, : self.classes]
        return keras.metrics.sparse_categorical_accuracy(_label(y_true), logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of every example."""
        ops = keras.ops
        y_pred = ops.cast(y_pred, "float32")
        logits = y_pred[:, : self.classes]
        loss = ops.sparse_categorical_crossentropy(_label(y_true), logits, from_logits=True)
        if self.logits:
            soft = ops.softmax(y_true[:, 1 : 1 + self.classes] / self.temperature)
            taught = ops.categorical_crossentropy(soft, logits / self.temperature, from_logits=True)
            loss = loss + self.logits * self.temperature**2 * taught
        if self.features:
            error = y_true[:, 1 + self.classes :] - y_pred[:, self.classes :]
            loss = loss + self.features * ops.mean(ops.square(error), axis=-1)
        return loss


def _label(y_true: Any) -> Any:
    columns = y_true[:, 0] if len(y_true.shape) == 2 else y_true
    return keras.ops.cast(columns, "int32")
