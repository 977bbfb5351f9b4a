"""`PruningSummaries`: masks and sparsities for TensorBoard.

TensorFlow writes event files by itself, but its `tf.summary.scalar` and `image`
come from the package TensorBoard, which it no longer brings along. The two lines
of metadata that tell TensorBoard how to show a tensor are written here instead,
so that a training needs no more than TensorFlow; TensorBoard is for looking.

Cost: nothing between two summaries. One reads the masks and encodes a picture of
at most 256 by 256 for each kernel, some milliseconds.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.callback_protocol import CallbackProtocol
from tfsparse.pruning.mask_image import mask_image
from tfsparse.pruning.mask_sparsity import mask_sparsity
from tfsparse.pruning.pruned_kernel import PrunedKernel


class PruningSummaries(CallbackProtocol):
    """Callback that shows in TensorBoard how masks come about.

    Writes to ``log_dir/pruning``, next to what the `TensorBoard` callback of Keras
    writes for the same `log_dir`:

    - `sparsity/<layer>`: pruned elements over all elements of its kernel, and
      `total_sparsity` over all kernels;
    - `scheduled_sparsity/<layer>`: what its schedule asks for at that step;
    - `mask/<layer>`: its mask as the matrix (out, in), output channels downwards;
      kept blocks are white, pruned ones black, and a pixel that stands for several is
      the greyer the more of them are pruned.

    A layer is called by its path where it lies inside a wrapped layer. Put the
    callback after `tfsparse.UpdatePruning`. To look: ``tensorboard --logdir`` of the
    package TensorBoard, which is not needed to write.

    Args:
        log_dir: Folder of the event files.
        update_freq: ``"epoch"``, or every how many batches to write. The step of a
            summary is the number of the epoch, counted from 0, or the optimizer's
            number of steps.
        images: Whether to write masks.

    Raises:
        ValueError: If `update_freq` is neither; when training begins, if the model
            has no pruned layer.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> model = tfsparse.prune_block(model, "4x1", schedule=0.5)
    >>> model.compile("adam", "mse")
    >>> summaries = PruningSummaries("logs")
    >>> history = model.fit(
    ...     np.ones((16, 8)), np.ones((16, 4)), verbose=0,
    ...     callbacks=[tfsparse.UpdatePruning(), summaries],
    ... )
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        update_freq: str | int = "epoch",
        images: bool = True,
    ) -> None:
        is_number = isinstance(update_freq, int) and not isinstance(update_freq, bool)
        if update_freq != "epoch" and not (is_number and int(update_freq) > 0):
            raise ValueError(
                "`update_freq` should be 'epoch' or a positive number of batches. "
                f"Received: update_freq={update_freq!r}"
            )
        super().__init__()
        self.log_dir = Path(log_dir)
        self.update_freq = update_freq
        self.images = images
        self._writer: Any = None
        self._earlier_batches = self._batches = 0
        if update_freq != "epoch":
            # Set here, so that batches cost nothing where they are not needed.
            self.on_train_batch_end = self._count_batches  # type: ignore[method-assign]

    def on_train_begin(self, logs: Any = None) -> None:
        """Opens a file."""
        if not any(True for _ in pruned_layers(self.model)):
            raise ValueError(
                "`model` should have layers from `tfsparse.prune_block` when trained with "
                f"`PruningSummaries`. Received: model={self.model.name!r}"
            )
        self._earlier_batches = self._batches = 0
        self._close()
        strategy = getattr(self.model, "distribute_strategy", None) or tf.distribute.get_strategy()
        # All workers of a cluster have the same masks.
        if strategy.extended.should_save_summary:
            self._writer = tf.summary.create_file_writer(str(self.log_dir / "pruning"))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes how many batches came before."""
        self._earlier_batches = self._batches

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the summaries of an epoch."""
        if self.update_freq == "epoch":
            self._write(epoch)

    def on_train_end(self, logs: Any = None) -> None:
        """Closes the file."""
        self._close()

    def _count_batches(self, batch: int, logs: Any = None) -> None:
        """Writes if a multiple of `update_freq` was reached since the last call."""
        every, before = int(self.update_freq), self._batches
        self._batches = self._earlier_batches + batch + 1
        if self._batches // every > before // every:
            self._write(int(self.model.optimizer.iterations.numpy()))

    def _write(self, step: int) -> None:
        if self._writer is None:
            return
        kernels = list(_named_kernels(self.model))
        # The default may be to record nothing, or on the device that trains.
        with tf.device("CPU:0"), self._writer.as_default(), tf.summary.record_if(True):
            for name, kernel, scheduled in kernels:
                _write_scalar(f"sparsity/{name}", mask_sparsity([kernel]), step)
                _write_scalar(f"scheduled_sparsity/{name}", scheduled, step)
                if self.images:
                    _write_image(f"mask/{name}", mask_image(kernel.kept(), kernel.block), step)
            total = mask_sparsity(kernel for _, kernel, _ in kernels)
            _write_scalar("total_sparsity", total, step)
            self._writer.flush()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _named_kernels(model: Any) -> Iterator[tuple[str, PrunedKernel, float]]:
    """Every kernel with a name of its own and the sparsity that was last asked of it."""
    iterations = int(model.optimizer.iterations.numpy())
    names: set[str] = set()
    for layer in pruned_layers(model):
        if layer.pruning is None:
            continue
        step = layer.pruning.clock.step(iterations)
        for kernel, schedule in layer.pruning.schedules():
            own = kernel.path == layer.name
            path = name = layer.name if own else f"{layer.name}/{kernel.path}"
            # Layers of nested models may be called the same.
            for number in itertools.count(1):
                if name not in names:
                    break
                name = f"{path}_{number}"
            names.add(name)
            # Fractions of a training that has not begun with `UpdatePruning` are no steps.
            due = None if schedule.has_fractions else schedule.last_due(0, step)
            yield name, kernel, 0.0 if due is None else schedule.sparsity(due)


def _write_scalar(tag: str, value: float, step: int) -> None:
    metadata = tf.compat.v1.SummaryMetadata(data_class="DATA_CLASS_SCALAR")
    metadata.plugin_data.plugin_name = "scalars"
    tf.summary.write(tag, tf.constant(value, tf.float32), step, metadata)


def _write_image(tag: str, image: np.ndarray, step: int) -> None:
    metadata = tf.compat.v1.SummaryMetadata(data_class="DATA_CLASS_BLOB_SEQUENCE")
    metadata.plugin_data.plugin_name = "images"
    height, width = image.shape
    png = tf.io.encode_png(image[:, :, np.newaxis])
    # What the plugin reads: width and height as text, then the pictures.
    tf.summary.write(tag, tf.stack([str(width), str(height), png]), step, metadata)
