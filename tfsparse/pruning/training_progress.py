"""How long a training is and how far it has come, as `fit` tells its callbacks.

Needed only by schedules that count in fractions of the training: to turn them
into steps when it begins, and to make their last update when it ends although
the optimizer counted fewer steps, because a loss scale skipped some.
"""

from __future__ import annotations

from typing import Any

from tfsparse.pruning.clock import Clock


class TrainingProgress:
    """Counts the batches of one call of `fit`, or the steps of a custom loop.

    Args:
        params: Parameters of `fit`; its epochs and its steps per epoch are in
            them, if they are known.
        iterations: Steps that the optimizer has made before.
        batches_per_step: Batches whose gradients the optimizer accumulates.
    """

    def __init__(self, params: dict[str, Any], iterations: int, batches_per_step: int = 1) -> None:
        self._epochs: int | None = params.get("epochs")
        self._steps_per_epoch: int | None = params.get("steps")
        self._iterations = iterations
        self._batches_per_step = batches_per_step
        self._epoch = 0
        self._earlier_batches = 0
        self._batches = 0

    @property
    def batches(self) -> int:
        """Batches made in this epoch."""
        return self._batches

    def begin_epoch(self, epoch: int) -> None:
        """Notes the number of an epoch, counted from 0."""
        self._epoch = epoch
        self._earlier_batches += self._batches
        self._batches = 0

    def end_batch(self, batch: int) -> None:
        """Notes the number of a batch in its epoch, counted from 0."""
        # Where several batches run in one execution, `fit` of Keras 3 names the
        # last one of a full execution, also where the data ended before it.
        self._batches = min(batch + 1, self._steps_per_epoch or batch + 1)

    def is_last_epoch(self) -> bool:
        """Whether `fit` has no epoch after this one."""
        return self._epoch + 1 == self._epochs

    def remaining_steps(self) -> int | None:
        """Steps of the optimizer from this epoch to the end, None if not known."""
        if self._epochs is None or self._steps_per_epoch is None:
            return None
        batches = (self._epochs - self._epoch) * self._steps_per_epoch
        return int(batches // self._batches_per_step)

    def has_ended(self, clock: Clock) -> bool:
        """Whether the training that the fractions of a schedule refer to is over.

        The epochs before a resumption are of that training, and so may be an
        earlier call of `fit`.

        Args:
            clock: Position in the schedule, and the steps it refers to.
        """
        of_all_epochs = (self._epoch + 1) * self._batches // self._batches_per_step
        made = (self._earlier_batches + self._batches) // self._batches_per_step
        reached = clock.step(self._iterations) + made
        return of_all_epochs >= clock.end - clock.begin or reached >= clock.end
