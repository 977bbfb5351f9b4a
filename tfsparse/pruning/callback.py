"""`UpdatePruning`: moves masks along their schedules while a model trains.

One class serves both versions of Keras and imports neither. Masks are enforced
by constraints; the callback only recomputes them, on the host, between batches,
and does nothing where no update is due.

Updates are made after the batch that reaches them, before validation and
checkpoints; the one at step 0 before the first batch. The state is read at the
first batch, not at `on_train_begin`, because callbacks that restore a training
do so there.

Steps are those of the optimizer, so several batches in one execution, gradients
that are accumulated and batches that end an epoch early need no case of their
own. Only where fractions of the training are turned into steps does the length
of `fit` matter, once, when the first batch begins.
"""

from __future__ import annotations

import contextlib
import numbers
import warnings
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfsparse.pruning.accumulation import accumulated_batches
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.callback_protocol import CallbackProtocol
from tfsparse.pruning.mask_sparsity import mask_sparsity
from tfsparse.pruning.mask_update import advance, finish
from tfsparse.pruning.moving_averages import mask_averages
from tfsparse.pruning.pruned_kernel import PrunedKernel
from tfsparse.pruning.pruning_state import PruningState
from tfsparse.pruning.sparsity_guard import SparsityGuard, call_after_callbacks
from tfsparse.pruning.training_progress import TrainingProgress


class UpdatePruning(CallbackProtocol):
    """Callback that prunes; needed in `fit` of a model from `tfsparse.prune_block`.

    Put it first in the list of callbacks. Only `SwapEMAWeights` goes before it, which
    would else swap averages from before pruning into what is saved. Each epoch it adds
    `sparsity`, the share of pruned elements in all pruned kernels, to the logs of
    `fit`: the progress line, `History` and the callbacks after it show it.

    `fit` may be called again, with the same callback or a new one, and goes on
    where it stopped. A schedule that counts in fractions refers to the first of
    these calls; where that is only a part of the training, give `training_steps`.

    `EarlyStopping(restore_best_weights=True)` would bring back dense weights from
    before pruning. They are refused with a warning; `tfsparse.AfterTarget` makes it
    choose among the sparse ones.

    Args:
        training_steps: Optimizer steps of the whole training, for schedules that
            count in fractions of it. By default what `fit` knows: epochs times
            steps per epoch.
        keep_sparsity: Whether weights that are less sparse than training had made
            them are refused when another callback puts them back at the end of
            `fit`. This takes a copy of the weights on the host at that time. False
            lets them pass, with a warning.

    Raises:
        ValueError: If `training_steps` is not a positive integer; when training
            begins, if the model has no pruned layer, or if the length of the
            training is needed and not known.

    Example:

    >>> model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(4)])
    >>> model = tfsparse.prune_block(model, "4x1", schedule=0.5)
    >>> model.compile("adam", "mse")
    >>> history = model.fit(
    ...     np.ones((16, 100)), np.ones((16, 4)), batch_size=4, epochs=5, verbose=0,
    ...     callbacks=[tfsparse.UpdatePruning()],
    ... )
    >>> history.history["sparsity"]
    [0.21, 0.44, 0.5, 0.5, 0.5]
    """

    def __init__(self, training_steps: int | None = None, keep_sparsity: bool = True) -> None:
        if training_steps is not None and (
            isinstance(training_steps, bool)
            or not isinstance(training_steps, numbers.Integral)
            or training_steps < 1
        ):
            raise ValueError(
                "`training_steps` should be a positive integer. "
                f"Received: training_steps={training_steps!r}"
            )
        super().__init__()
        self.training_steps = training_steps
        self.keep_sparsity = keep_sparsity
        self._optimizer: Any = None
        self._forget()

    @property
    def sparsity(self) -> float:
        """Pruned elements over all elements of the model's pruned kernels, now."""
        return mask_sparsity(self._kernels())

    @contextlib.contextmanager
    def loop(self, model: Any, optimizer: Any = None) -> Iterator[UpdatePruning]:
        """Prunes in a training loop of your own, where `step` is called after each step.

        Args:
            model: The model that is trained.
            optimizer: The optimizer of Keras that trains it; by default the one the
                model was compiled with.

        Yields:
            This callback.

        Raises:
            ValueError: If there is no optimizer, if the model has no pruned layer,
                or if a schedule counts in fractions and `training_steps` is not
                given.

        Example:

        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
        >>> model = tfsparse.prune_block(model, "4x1", schedule=0.5)
        >>> optimizer = keras.optimizers.SGD(0.1)
        >>> with tfsparse.UpdatePruning(training_steps=10).loop(model, optimizer) as pruning:
        ...     for _ in range(10):
        ...         with tf.GradientTape() as tape:
        ...             loss = tf.reduce_mean(model(tf.ones((2, 8))) ** 2)
        ...         gradients = tape.gradient(loss, model.trainable_variables)
        ...         _ = optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        ...         pruning.step()
        >>> pruning.sparsity
        0.5
        """
        self.set_model(model)
        self.set_params(None)
        used = optimizer or getattr(model, "optimizer", None)
        if not hasattr(used, "iterations"):
            raise ValueError(
                "`optimizer` should be an optimizer of Keras, or left out where the model is "
                f"compiled. Received: optimizer={optimizer!r}"
            )
        self._optimizer = used
        try:
            self.on_train_begin()
            self._start()
            yield self
            self._finish()
            for state in self._states:
                state.store(self._iterations())
            self.on_train_end()
        finally:
            self._optimizer = None

    def step(self) -> None:
        """Makes the updates that a step has reached; to be called after it, in `loop`.

        Raises:
            RuntimeError: If there is no `loop` around it, or it is called inside a
                `tf.function`.
        """
        if self._optimizer is None or not tf.executing_eagerly():
            where = "outside `loop`" if self._optimizer is None else "inside `tf.function`"
            raise RuntimeError(
                "`step` should be called inside `with UpdatePruning().loop(model, optimizer)` and "
                "outside `tf.function`: masks are recomputed on the host, between steps. "
                f"Received: a call {where}"
            )
        self.on_train_batch_end(self._progress.batches if self._progress else 0)

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets an earlier training."""
        self._forget()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Looks at the epoch, and whether weights were put back since the last one."""
        self._epoch = epoch
        if self._progress is None:
            return
        self._progress.begin_epoch(epoch)
        # Weights of an earlier step bring their masks and their position along:
        # the updates since then are made again.
        for state in self._states:
            state.clock.load()
        self._advance()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Makes the updates of the first step."""
        if not self._started:
            self._start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Makes the updates that the step reached."""
        if not self._started:
            self._start()
        if self._progress is not None:
            self._progress.end_batch(batch)
        self._advance()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Makes what is about to be saved exact, and logs the sparsity."""
        if self._progress is None or self._guard is None:
            return
        stopped = getattr(self.model, "stop_training", False)
        last = self._progress.is_last_epoch()
        if last and not stopped:
            self._finish()
        for state in self._states:
            state.store(self._iterations())
        self._apply_masks()
        sparsity = self.sparsity
        if logs is not None:
            logs["sparsity"] = sparsity
        self._guard.remember(sparsity, is_last=last or stopped)

    def on_train_end(self, logs: Any = None) -> None:
        """Applies the masks once more, and says where the target was not reached."""
        if self._guard is None:
            return
        self._have_the_last_word()
        self._warn_if_short()
        if call_after_callbacks(self.model, self.params, self._have_the_last_word):
            self._guard.remember(self.sparsity, is_last=True)

    def _forget(self) -> None:
        self._states: list[PruningState] = []
        self._progress: TrainingProgress | None = None
        self._guard: SparsityGuard | None = None
        self._started = False
        self._epoch = 0

    def _start(self) -> None:
        layers = list(pruned_layers(self.model))
        if not layers:
            raise ValueError(
                "`model` should have layers from `tfsparse.prune_block` when trained with "
                f"`UpdatePruning`. Received: model={self.model.name!r}"
            )
        self._states = [layer.pruning for layer in layers if layer.pruning is not None]
        iterations = self._iterations()
        if self._progress is None:
            batches_per_step = accumulated_batches(self._used_optimizer)
            self._progress = TrainingProgress(self.params, iterations, batches_per_step)
            self._progress.begin_epoch(self._epoch)
        remaining = self.training_steps or self._progress.remaining_steps()
        for state in self._states:
            state.start(iterations, remaining)
        self._advance()
        for kernel in self._kernels():
            kernel.constraint.optimizer = self._used_optimizer
        self._guard = SparsityGuard(self.model, self._kernels(), self.keep_sparsity)
        # A layer that is not built before the first batch joins after it.
        self._started = len(self._states) == len(layers)

    def _advance(self) -> None:
        advance(self._states, self._iterations())

    def _finish(self) -> None:
        """Makes the last update of schedules that end with this training."""
        if self._progress is not None:
            finish([s for s in self._states if self._progress.has_ended(s.clock)])

    def _have_the_last_word(self) -> None:
        """Undoes what other callbacks did to the masks when training ended."""
        if self._guard is not None:
            self._guard.settle()
        self._apply_masks()
        for state in self._states:
            state.clock.load()

    def _apply_masks(self) -> None:
        # A moving average of weights is written past the constraints, by the
        # optimizer before this or by a callback after it.
        for state in self._states:
            state.apply_masks()
        mask_averages(self._used_optimizer, self._kernels())

    def _warn_if_short(self) -> None:
        short = [s for s in self._states if s.has_fractions and not s.reached_target]
        if short:
            names = [kernel.owner_name for state in short for kernel in state.kernels]
            warnings.warn(
                f"Training ended before the schedule of {names} did, so their sparsity is below "
                "the target. Train on, or see `tfsparse.sparsity_report`.",
                stacklevel=3,
            )

    def _kernels(self) -> list[PrunedKernel]:
        states = [layer.pruning for layer in pruned_layers(self.model)]
        return [kernel for state in states if state is not None for kernel in state.kernels]

    def _iterations(self) -> int:
        return int(self._used_optimizer.iterations.numpy())

    @property
    def _used_optimizer(self) -> Any:
        return self.model.optimizer if self._optimizer is None else self._optimizer
