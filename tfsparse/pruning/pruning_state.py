"""The state of one wrapper: its kernels, its schedule and its position in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from tfsparse.pruning.clock import Clock
from tfsparse.pruning.pruned_kernel import PrunedKernel
from tfsparse.pruning.schedules import PruningSchedule


class PruningState:
    """Moves the kernels of a layer along a schedule.

    Args:
        kernels: Kernels of the layer.
        schedule: Schedule as the user gave it; may hold fractions.
        clock: Position in it.
    """

    def __init__(
        self, kernels: Sequence[PrunedKernel], schedule: PruningSchedule, clock: Clock
    ) -> None:
        self.kernels = tuple(kernels)
        self.schedule = schedule
        self.clock = clock
        self._resolved: PruningSchedule | None = None

    def start(self, iterations: int, remaining_steps: int | None) -> None:
        """Begins or resumes a training.

        Args:
            iterations: Steps that the optimizer has made.
            remaining_steps: Steps that the training still has, None if unknown.

        Raises:
            ValueError: If the schedule has fractions and the length of the
                training is not known.
        """
        self.clock.synchronize(iterations)
        if self.schedule.has_fractions and not self.clock.end:
            if remaining_steps is None:
                raise ValueError(
                    "`training_steps` of `UpdatePruning` should be given when a schedule counts "
                    "in fractions of the training and `fit` does not know its number of steps. "
                    f"Received: schedule={self.schedule}"
                )
            self.clock.begin = self.clock.step(iterations)
            self.clock.end = self.clock.begin + max(1, remaining_steps)
        self._resolved = self.schedule.in_steps(self.clock.begin, self.clock.end)
        self.clock.store()

    def advance(self, iterations: int) -> None:
        """Makes the updates that are due up to an iteration of the optimizer."""
        self._advance_to(self.clock.step(iterations))

    def finish(self) -> None:
        """Makes the last update of a schedule that ends with the training.

        Steps that a loss scale skipped are not counted by the optimizer, so its
        count may stop short of the planned end.
        """
        if self.schedule.has_fractions and not self.reached_target:
            self._advance_to(self.clock.end)

    @property
    def has_run(self) -> bool:
        """Whether the schedule was ever advanced."""
        self.clock.load()
        return self.clock.next_step > 0

    @property
    def reached_target(self) -> bool:
        """Whether the last update of the schedule was made."""
        schedule = self._resolved or self.schedule
        if schedule.has_fractions:
            return False
        last = schedule.end_step if schedule.end_step >= 0 else schedule.begin_step
        return self.clock.next_step > last

    def store(self, iterations: int) -> None:
        """Saves the exact position, so that a checkpoint holds it."""
        self.clock.next_step = max(self.clock.next_step, self.clock.step(iterations) + 1)
        self.clock.store()

    def apply_masks(self) -> None:
        """Zeroes the pruned blocks of every kernel."""
        for kernel in self.kernels:
            kernel.apply()

    @contextlib.contextmanager
    def read_through_masks(self) -> Iterator[None]:
        """While active, the layer reads its kernels through their masks."""
        with contextlib.ExitStack() as stack:
            for kernel in self.kernels:
                stack.enter_context(kernel.read_through_mask())
            yield

    def _advance_to(self, step: int) -> None:
        schedule = self._resolved or self.schedule
        due = schedule.last_due(self.clock.next_step, step)
        if due is None:
            return
        for kernel in self.kernels:
            kernel.update(schedule.sparsity(due))
        self.clock.next_step = step + 1
        self.clock.store()
