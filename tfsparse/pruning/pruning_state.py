"""The state of one wrapper: its kernels, their schedules and its position in them."""

from __future__ import annotations

from collections.abc import Sequence

from tfsparse.pruning.clock import Clock
from tfsparse.pruning.pruned_kernel import PrunedKernel
from tfsparse.pruning.schedules import PruningSchedule


class PruningState:
    """What moves the kernels of a layer along their schedules.

    All kernels share one position, so that a checkpoint has one clock for a
    layer, but each may have a schedule and a scope of its own. `mask_update.advance`
    moves the states of all layers of a model at once.

    Args:
        kernels: Kernels of the layer.
        schedule: Schedule of the layer, which kernels may override. Those of
            the kernels count; this one is what the layer was given.
        clock: Position in them.
    """

    def __init__(
        self, kernels: Sequence[PrunedKernel], schedule: PruningSchedule, clock: Clock
    ) -> None:
        self.kernels = tuple(kernels)
        self.schedule = schedule
        self.clock = clock
        self._schedules = [kernel.settings.schedule for kernel in self.kernels]

    def start(self, iterations: int, remaining_steps: int | None) -> None:
        """Begins or resumes a training.

        Args:
            iterations: Steps that the optimizer has made.
            remaining_steps: Steps that the training still has, None if unknown.

        Raises:
            ValueError: If a schedule has fractions and the length of the
                training is not known.
        """
        self.clock.synchronize(iterations)
        if self.clock.next_step == 0:
            for kernel in self.kernels:
                kernel.lock_zeros()
        if self.has_fractions and not self.clock.end:
            if remaining_steps is None:
                raise ValueError(
                    "`training_steps` of `UpdatePruning` should be given when a schedule counts "
                    "in fractions of the training and `fit` does not know its number of steps. "
                    f"Received: schedule={self.schedule}"
                )
            self.clock.begin = self.clock.step(iterations)
            self.clock.end = self.clock.begin + max(1, remaining_steps)
        self._schedules = [
            kernel.settings.schedule.in_steps(self.clock.begin, self.clock.end)
            for kernel in self.kernels
        ]
        self.clock.last = max(map(_last_update, self._schedules))
        self.clock.store()

    def schedules(self) -> list[tuple[PrunedKernel, PruningSchedule]]:
        """Each kernel with its schedule, in steps once the training has begun."""
        return list(zip(self.kernels, self._schedules, strict=True))

    def passed(self, step: int) -> None:
        """Notes that the updates up to a training step were made, and saves that."""
        self.clock.next_step = max(self.clock.next_step, step + 1)
        self.clock.store()

    @property
    def has_fractions(self) -> bool:
        """Whether a schedule counts in fractions of the training."""
        return any(kernel.settings.schedule.has_fractions for kernel in self.kernels)

    @property
    def is_immediate(self) -> bool:
        """Whether masks are set once, by what the weights are before any training."""
        return all(kernel.settings.schedule.immediate for kernel in self.kernels)

    @property
    def has_run(self) -> bool:
        """Whether the schedules were ever advanced."""
        self.clock.load()
        return self.clock.next_step > 0

    @property
    def reached_target(self) -> bool:
        """Whether the last update of every schedule was made."""
        return all(self._has_ended(schedule) for schedule in self._schedules)

    def store(self, iterations: int) -> None:
        """Saves the exact position, so that a checkpoint holds it."""
        self.passed(self.clock.step(iterations))

    def apply_masks(self) -> None:
        """Zeroes the pruned blocks of every kernel."""
        for kernel in self.kernels:
            kernel.apply()

    def _has_ended(self, schedule: PruningSchedule) -> bool:
        if schedule.has_fractions:
            if not self.clock.end:
                return False
            # Loaded, and not trained since: the clock knows of what they are fractions.
            schedule = schedule.in_steps(self.clock.begin, self.clock.end)
        return self.clock.next_step > _last_update(schedule)


def _last_update(schedule: PruningSchedule) -> int:
    """Step from which on the sparsity of a schedule, given in steps, is its target."""
    return int(schedule.end_step if schedule.end_step >= 0 else schedule.begin_step)
