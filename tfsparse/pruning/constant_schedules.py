"""Schedules without a ramp: one sparsity, again and again, once, or as it is."""

from __future__ import annotations

from typing import Any, ClassVar, SupportsIndex

from tfsparse.pruning.schedules import PruningSchedule, check_sparsity


class ConstantSparsity(PruningSchedule):
    """The same sparsity from `begin_step` on.

    Args:
        target_sparsity: Sparsity, in [0, 1).
        begin_step: First step at which masks are updated; a float is a fraction
            of the training.
        end_step: Last step at which they are; -1 goes on until training ends.
        frequency: Steps between two updates; a float is a fraction of the
            training.

    Raises:
        ValueError: If the sparsity is outside [0, 1) or the steps are not in
            order.

    Example:

    >>> tfsparse.ConstantSparsity(0.5, begin_step=10, frequency=5)(15)
    (True, 0.5)
    """

    def __init__(
        self,
        target_sparsity: float,
        begin_step: SupportsIndex | float,
        end_step: SupportsIndex | float = -1,
        frequency: SupportsIndex | float = 100,
    ) -> None:
        super().__init__(begin_step, end_step, frequency)
        self.target_sparsity = check_sparsity("target_sparsity", target_sparsity)

    @property
    def target(self) -> float:
        """Sparsity that the schedule ends with."""
        return self.target_sparsity

    def sparsity(self, step: int) -> float:
        """Sparsity at `step`."""
        return self.target_sparsity

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule, as plain JSON data."""
        return {
            "target_sparsity": self.target_sparsity,
            "begin_step": self.begin_step,
            "end_step": self.end_step,
            "frequency": self.frequency,
        }


class OneShot(PruningSchedule):
    """Prunes once, as early as possible, and never again.

    `tfsparse.prune_block` prunes a layer that has weights at once, so no training
    is needed; a layer without weights is pruned when its training begins.

    Args:
        target_sparsity: Sparsity, in [0, 1).

    Raises:
        ValueError: If the sparsity is outside [0, 1).

    Example:

    >>> schedule = tfsparse.OneShot(0.5)
    >>> [step for step in range(1000) if schedule(step)[0]]
    [0]
    >>> schedule.target
    0.5
    """

    immediate: ClassVar[bool] = True

    def __init__(self, target_sparsity: float) -> None:
        super().__init__(begin_step=0, end_step=0, frequency=1)
        self.target_sparsity = check_sparsity("target_sparsity", target_sparsity)

    @property
    def target(self) -> float:
        """Sparsity that the schedule ends with."""
        return self.target_sparsity

    def sparsity(self, step: int) -> float:
        """Sparsity at `step`."""
        return self.target_sparsity

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule, as plain JSON data."""
        return {"target_sparsity": self.target_sparsity}


class PatternLock(PruningSchedule):
    """Keeps exactly the zero blocks that a kernel has, and prunes no other.

    For fine-tuning a model that is sparse already: its one update, at step 0, asks
    for no sparsity, and a mask never lets a block that is zero grow again.

    Example:

    >>> schedule = tfsparse.PatternLock()
    >>> schedule.locks, schedule.target
    (True, 0.0)
    >>> [step for step in range(1000) if schedule(step)[0]]
    [0]
    """

    immediate: ClassVar[bool] = True
    locks: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(begin_step=0, end_step=0, frequency=1)

    @property
    def target(self) -> float:
        """The sparsity that is asked for: none beyond what the kernel has."""
        return 0.0

    def sparsity(self, step: int) -> float:
        """The sparsity that is asked for: none beyond what the kernel has."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule, as plain JSON data."""
        return {}
