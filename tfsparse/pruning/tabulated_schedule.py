"""`TabulatedSchedule`: a schedule given as the list of its updates."""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

from tfsparse.pruning.schedules import PruningSchedule, check_sparsity


class TabulatedSchedule(PruningSchedule):
    """A schedule given as the list of its updates.

    Args:
        steps: Steps at which masks are updated, ascending integers.
        sparsities: Sparsity at each of them, in [0, 1).

    Raises:
        ValueError: If the lists are empty or of different lengths, the steps do
            not ascend, or a sparsity is outside [0, 1).

    Example:

    >>> schedule = TabulatedSchedule([100, 150, 400], [0.5, 0.75, 0.9])
    >>> schedule.last_due(101, 399), schedule.sparsity(399)
    (150, 0.75)
    """

    def __init__(self, steps: Sequence[SupportsIndex], sparsities: Sequence[float]) -> None:
        if not len(steps) or len(steps) != len(sparsities):
            raise ValueError(
                "`steps` and `sparsities` should be of the same length, at least 1. "
                f"Received: steps={steps!r}, sparsities={sparsities!r}"
            )
        self.steps = [operator.index(step) for step in steps]
        self.sparsities = [check_sparsity("sparsities", sparsity) for sparsity in sparsities]
        if any(step >= after for step, after in itertools.pairwise(self.steps)):
            raise ValueError(f"`steps` should ascend. Received: steps={steps!r}")
        super().__init__(begin_step=self.steps[0], end_step=self.steps[-1], frequency=1)

    @property
    def target(self) -> float:
        """Sparsity that the schedule ends with."""
        return self.sparsities[-1]

    def sparsity(self, step: int) -> float:
        """Sparsity of the last update up to `step`."""
        return self.sparsities[max(0, bisect.bisect_right(self.steps, step) - 1)]

    def last_due(self, first: int, last: int) -> int | None:
        """The last step in ``[first, last]`` at which masks are updated, if any."""
        index = bisect.bisect_right(self.steps, last) - 1
        return self.steps[index] if index >= 0 and self.steps[index] >= first else None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule, as plain JSON data."""
        return {"steps": list(self.steps), "sparsities": list(self.sparsities)}
