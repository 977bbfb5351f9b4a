"""`UpdatePruning`: moves masks along their schedules while a model trains.

One class serves both versions of Keras and imports neither. Masks are enforced
by constraints; the callback only recomputes them, on the host, between batches,
and does nothing where no update is due.

Updates are made after the batch that reaches them, before validation and
checkpoints; the one at step 0 before the first batch. The state is read at the
first batch, not at `on_train_begin`, because callbacks that restore a training
do so there.
"""

from __future__ import annotations

import warnings
from typing import Any

from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.callback_protocol import CallbackProtocol
from tfsparse.pruning.pruning_state import PruningState


class UpdatePruning(CallbackProtocol):
    """Callback that prunes; needed in `fit` of a model from `tfsparse.prune_block`.

    In a custom training loop call `set_model(model)` with a model that has an
    `optimizer`, then `on_train_batch_end(step)` after each step and
    `on_train_end()` at the end.

    Args:
        training_steps: Optimizer steps of the whole training, for schedules that
            count in fractions of it. By default what `fit` knows: epochs times
            steps per epoch.

    Raises:
        ValueError: If `training_steps` is not a positive integer; when training
            begins, if the model has no pruned layer, or if the length of the
            training is needed and not known.

    Example:

    ```python
    model.fit(x, y, epochs=10, callbacks=[tfsparse.UpdatePruning()])
    ```
    """

    def __init__(self, training_steps: int | None = None) -> None:
        if training_steps is not None and (
            not isinstance(training_steps, int) or training_steps < 1
        ):
            raise ValueError(
                "`training_steps` should be a positive integer. "
                f"Received: training_steps={training_steps!r}"
            )
        super().__init__()
        self.training_steps = training_steps
        self._states: list[PruningState] = []
        self._epoch = 0
        self._started = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets an earlier training."""
        self._started = False
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes the epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Makes the updates of the first step."""
        if not self._started:
            self._start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Makes the updates that the step reached."""
        if not self._started:
            self._start()
        iterations = self._iterations()
        for state in self._states:
            state.advance(iterations)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Makes what is about to be saved exact."""
        if not self._started:
            return
        last = epoch + 1 == self.params.get("epochs")
        for state in self._states:
            if last and not getattr(self.model, "stop_training", False):
                state.finish()
            state.store(self._iterations())
            # A moving average of weights is written past the constraints.
            state.apply_masks()

    def on_train_end(self, logs: Any = None) -> None:
        """Applies the masks once more, and says where the target was not reached."""
        if not self._started:
            return
        short = []
        for state in self._states:
            state.apply_masks()
            state.clock.load()
            if state.schedule.has_fractions and not state.reached_target:
                short.append(state)
        if short:
            names = [kernel.owner_name for state in short for kernel in state.kernels]
            warnings.warn(
                f"Training ended before the schedule of {names} did, so their sparsity is below "
                "the target. See `tfsparse.sparsity_report`.",
                stacklevel=2,
            )

    def _start(self) -> None:
        layers = list(pruned_layers(self.model))
        if not layers:
            raise ValueError(
                "`model` should have layers from `tfsparse.prune_block` when trained with "
                f"`UpdatePruning`. Received: model={self.model.name!r}"
            )
        self._states = [layer.pruning for layer in layers if layer.pruning is not None]
        iterations = self._iterations()
        remaining = self._remaining_steps()
        for state in self._states:
            state.start(iterations, remaining)
            state.advance(iterations)
        # A layer that is not built before the first batch joins after it.
        self._started = len(self._states) == len(layers)

    def _iterations(self) -> int:
        return int(self.model.optimizer.iterations.numpy())

    def _remaining_steps(self) -> int | None:
        if self.training_steps is not None:
            return self.training_steps
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        if epochs is None or steps is None:
            return None
        accumulated = getattr(self.model.optimizer, "gradient_accumulation_steps", None) or 1
        return int((epochs - self._epoch) * steps // accumulated)
