"""Turns whatever a user passes as `schedule` into a `PruningSchedule`.

A bare float is a cubic ramp. Schedules of TensorFlow Model Optimization are
recognised by their shape, never by importing that library (importing it
switches `tf.keras` to the legacy version for the whole process): the two stock
classes by name and configuration, any other by tabulating it, which loses
nothing because a schedule is a pure function of the step.
"""

from __future__ import annotations

import bisect
import numbers
from collections.abc import Sequence
from typing import Any

from tfsparse.pruning.schedules import ConstantSparsity, PolynomialDecay, PruningSchedule

# A bare float: begin after a tenth of the training, so that weights have taken
# shape; reach the target at seven tenths, so that there is time to recover;
# update at every hundredth.
_RAMP_BEGIN, _RAMP_END, _RAMP_FREQUENCY = 0.1, 0.7, 0.01

_STOCK: dict[str, type[PruningSchedule]] = {
    "PolynomialDecay": PolynomialDecay,
    "ConstantSparsity": ConstantSparsity,
}


class TabulatedSchedule(PruningSchedule):
    """A schedule given as the list of its updates.

    Args:
        steps: Steps at which masks are updated, ascending.
        sparsities: Sparsity at each of them.

    Raises:
        ValueError: If the lists are empty or of different lengths.
    """

    def __init__(self, steps: Sequence[int], sparsities: Sequence[float]) -> None:
        if not steps or len(steps) != len(sparsities):
            raise ValueError(
                "`steps` and `sparsities` should be of the same length, at least 1. "
                f"Received: steps={steps!r}, sparsities={sparsities!r}"
            )
        super().__init__(begin_step=steps[0], end_step=steps[-1], frequency=1)
        self.steps = [int(step) for step in steps]
        self.sparsities = [float(sparsity) for sparsity in sparsities]

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
        """Arguments that make an equal schedule."""
        return {"steps": self.steps, "sparsities": self.sparsities}


def as_schedule(schedule: Any) -> PruningSchedule:
    """Reads a `schedule` argument.

    Args:
        schedule: A `PruningSchedule`; a float, the target of a cubic ramp from
            10% to 70% of the training; or a schedule object of TensorFlow Model
            Optimization.

    Returns:
        A `PruningSchedule`.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(schedule, PruningSchedule):
        return schedule
    if isinstance(schedule, numbers.Real) and not isinstance(schedule, bool):
        return PolynomialDecay(
            0.0, float(schedule), _RAMP_BEGIN, _RAMP_END, frequency=_RAMP_FREQUENCY
        )
    if callable(schedule) and all(
        hasattr(schedule, name) for name in ("begin_step", "end_step", "frequency")
    ):
        return _of_foreign(schedule)
    raise ValueError(
        "`schedule` should be a sparsity (a float), a `PolynomialDecay` or `ConstantSparsity`, or "
        f"a schedule of TensorFlow Model Optimization. Received: schedule={schedule!r}"
    )


def _of_foreign(schedule: Any) -> PruningSchedule:
    stock = _STOCK.get(type(schedule).__name__)
    if stock is not None and type(schedule).__module__.startswith("tensorflow_model_optimization"):
        config = dict(schedule.get_config()["config"])
        steps = {name: int(config[name]) for name in ("begin_step", "end_step", "frequency")}
        return stock(**{**config, **steps})
    return _tabulate(schedule)


def _tabulate(schedule: Any) -> TabulatedSchedule:
    begin, end = int(schedule.begin_step), int(schedule.end_step)
    if end < 0:
        raise ValueError(
            "`schedule.end_step` should be set, because a custom schedule is read in advance. "
            f"Received: schedule={schedule!r}"
        )
    steps = sorted({*range(begin, end, int(schedule.frequency)), end})
    calls = [(step, *schedule(step)) for step in steps]
    # The last one is made whether or not the schedule lands on it.
    made = [(step, float(share)) for step, due, share in calls if bool(due) or step == end]
    return TabulatedSchedule([step for step, _ in made], [share for _, share in made])
