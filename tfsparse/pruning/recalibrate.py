"""`recalibrate`: the statistics of BatchNormalization, measured anew on data.

Pruning changes what a layer puts out, and so its mean and its variance, which the
BatchNormalization behind it holds as they were in training. A forward pass in training mode would
move them by a moving average of batches, each of which is normalized by itself. Here they become
the mean and the variance of all data together, as the model sees them when it is
used: layers are taken in order, each with those in front of it recalibrated.

Means and variances of batches are merged in float64, so they do not depend on how the data is cut.

Cost: part of a pass over the data for each such layer (`forward_passes`).

Reference:

- Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983 (the merge).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.progress import progress
from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.forward_passes import CalibrationData, ForwardPasses, first_input
from tfsparse.pruning.layer_tree import descendants


def recalibrate(
    model: Any,
    data: Any,
    batch_size: int = 32,
    batches: int | None = None,
    verbose: bool | None = None,
) -> None:
    """Measures the statistics of every BatchNormalization of a model anew, and sets them.

    Worth trying after `tfsparse.OneShot`, which changes what layers put out by far more than
    `tfsparse.prune_one_shot` does. Nothing is trained: moving means and variances change, and no
    other weight does. Frozen layers are recalibrated as well.

    Give data as the model saw in training, augmented in the same way: the statistics of
    other data are other ones, and a model that was not pruned loses by them too.

    Args:
        model: A built model or layer of Keras 3 or tf_keras, pruned or not. It is changed.
        data: Examples of its inputs, in any form that `fit` takes; labels are ignored.
        batch_size: Rows of an array that are run at a time.
        batches: The most batches to read; by default arrays and lists are read whole,
            and 100 batches of all else.
        verbose: True shows a bar on stderr, False never; by default it is shown if
            stderr is a terminal.

    Warns:
        UserWarning: Names layers to which the data do not lead; they are left.

    Raises:
        ValueError: If the model has no BatchNormalization, if the data do not fit it or lead
            to NaN or infinity, or if an argument is wrong. Layers in front of that one are
            recalibrated by then.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    >>> tfsparse.recalibrate(model, np.arange(12, dtype="float32").reshape(3, 4))
    >>> model.layers[0].moving_mean.numpy().tolist()
    [4.0, 5.0, 6.0, 7.0]
    """
    binding_of(model)  # says what is no model
    layers = [layer for layer in descendants(model) if _is_batch_norm(layer) and layer.built]
    if not layers:
        raise ValueError(
            "`model` should hold a built layer of BatchNormalization. "
            f"Received: model={model.name!r}"
        )
    passes = ForwardPasses(model, CalibrationData(model, data, batch_size, batches))
    stages = passes.survey(layers)
    reached = {id(layer) for stage in stages for layer in stage}
    if left := [layer.name for layer in layers if id(layer) not in reached]:
        warnings.warn(f"The data do not lead to some layers, which are left: {left}", stacklevel=2)
    for stage in progress(stages, len(stages), "Recalibrating", verbose):
        statistics = {id(layer): _Statistics(layer) for layer in stage}
        passes.run(stage, lambda layer, *call, of=statistics: of[id(layer)].add(*call))
        for one in statistics.values():
            one.store()


def _is_batch_norm(layer: Any) -> bool:
    return any(
        cls.__name__ == "BatchNormalization" and cls.__module__.startswith(("keras.", "tf_keras."))
        for cls in type(layer).__mro__
    )


class _Statistics:
    """Mean and variance of what one layer is called with.

    Args:
        layer: A layer of BatchNormalization.
    """

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._count = 0.0
        self._mean: Any = 0.0
        self._squares: Any = 0.0  # of the distances from the mean

    def add(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Adds one call of the layer."""
        rows = np.asarray(tf.cast(first_input(args, kwargs), tf.float32))
        mask = kwargs.get("mask")
        axes = np.atleast_1d(self._layer.axis)
        last = range(rows.ndim - len(axes), rows.ndim)
        rows = np.moveaxis(rows, axes, last).astype(np.float64)
        shape = rows.shape[rows.ndim - len(axes) :]
        rows = rows.reshape(-1, *shape)
        if mask is not None:
            rows = rows[np.asarray(mask).astype(bool).ravel()]
        if len(rows):
            self._merge(len(rows), rows.mean(axis=0), rows.var(axis=0))

    def store(self) -> None:
        """Sets the statistics of the layer."""
        layer = self._layer
        if not self._count:
            return
        variance = self._squares / self._count
        if not np.isfinite([self._mean, variance]).all():
            raise ValueError(
                "`data` should lead to finite inputs of every layer. "
                f"Received: data that give layer {layer.name!r} NaN or infinity"
            )
        for variable, value in ((layer.moving_mean, self._mean), (layer.moving_variance, variance)):
            variable.assign(value.reshape(variable.shape).astype(variable.numpy().dtype))

    def _merge(self, count: int, mean: np.ndarray, variance: np.ndarray) -> None:
        total = self._count + count
        shift = mean - self._mean
        self._squares = self._squares + variance * count + shift**2 * (self._count * count / total)
        self._mean = self._mean + shift * (count / total)
        self._count = total
