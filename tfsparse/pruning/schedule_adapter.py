"""Turns whatever a user passes as `schedule` into a `PruningSchedule`.

A bare number is a cubic ramp. Schedules of TensorFlow Model Optimization are
recognised by their shape, never by importing that library (importing it
switches `tf.keras` to the legacy version for the whole process): the two stock
classes by name and configuration, any other by tabulating it, which loses
nothing because a schedule is a pure function of the step.
"""

from __future__ import annotations

import numbers
from typing import Any

from tfsparse.pruning.constant_schedules import ConstantSparsity
from tfsparse.pruning.ramps import PolynomialDecay
from tfsparse.pruning.schedules import PruningSchedule
from tfsparse.pruning.tabulated_schedule import TabulatedSchedule

# A bare number: begin after a tenth of the training, so that weights have taken
# shape; reach the target at seven tenths, so that there is time to recover;
# update at every hundredth.
_RAMP_BEGIN, _RAMP_END, _RAMP_FREQUENCY = 0.1, 0.7, 0.01

_STOCK: dict[str, type[PruningSchedule]] = {
    "PolynomialDecay": PolynomialDecay,
    "ConstantSparsity": ConstantSparsity,
}


def as_schedule(schedule: Any) -> PruningSchedule:
    """Reads a `schedule` argument.

    Args:
        schedule: A `PruningSchedule`; a number in [0, 1), the target of a cubic
            ramp from 10% to 70% of the training; or a schedule object of
            TensorFlow Model Optimization.

    Returns:
        A `PruningSchedule`.

    Raises:
        ValueError: If it is none of these.

    Example:

    >>> ramp = as_schedule(0.9)
    >>> type(ramp).__name__, ramp.target, ramp.begin_step, ramp.end_step
    ('PolynomialDecay', 0.9, 0.1, 0.7)
    """
    if isinstance(schedule, PruningSchedule):
        return schedule
    if isinstance(schedule, numbers.Real) and not isinstance(schedule, bool):
        return _ramp_to(schedule)
    if callable(schedule) and all(
        hasattr(schedule, name) for name in ("begin_step", "end_step", "frequency")
    ):
        return _of_foreign(schedule)
    raise ValueError(
        "`schedule` should be a sparsity (a number of at least 0 and less than 1), a "
        "`tfsparse.PruningSchedule` (`PolynomialDecay`, `ExponentialDecay`, `CosineDecay`, "
        "`LinearDecay`, `ConstantSparsity`, `OneShot`, `PatternLock` or your own), or a schedule "
        f"of TensorFlow Model Optimization. Received: schedule={schedule!r}"
    )


def _ramp_to(sparsity: Any) -> PruningSchedule:
    if not 0.0 <= sparsity < 1.0:
        percent = f" For {sparsity}% write {sparsity / 100}." if 1 < sparsity < 100 else ""
        raise ValueError(
            "`schedule` should be at least 0 and less than 1 when it is a number, the share of "
            f"elements that will be zero.{percent} Received: schedule={sparsity!r}"
        )
    return PolynomialDecay(0.0, sparsity, _RAMP_BEGIN, _RAMP_END, frequency=_RAMP_FREQUENCY)


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
