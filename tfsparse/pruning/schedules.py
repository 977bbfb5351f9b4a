"""Schedules: which sparsity a kernel should have at which training step.

A schedule is a pure function of the step, so masks do not depend on how the
steps were grouped: `last_due(first, last)` says whether an update falls
anywhere inside a range of steps, which is what a callback that sees several
steps at once (`steps_per_execution`) or resumes in the middle needs. Testing
``step % frequency == 0`` would miss updates there.

Two rules hold for every schedule that ends. The update at `end_step` is always
made, also where `frequency` does not land on it. And the sparsity from there on
is the number that was asked for, not one that was computed.

Steps may be fractions of the training (floats in [0, 1]); `in_steps` turns them
into steps once the length of the training is known.

This file has what all schedules share; `ramps.py` and `constant_schedules.py`
have the schedules.
"""

from __future__ import annotations

import abc
import copy
import numbers
import operator
from typing import Any, ClassVar, SupportsIndex

import numpy as np

_CLASSES: dict[str, type[PruningSchedule]] = {}


class PruningSchedule(abc.ABC):
    """Base class of schedules.

    A subclass implements `target`, `sparsity` and `get_config`, and can be saved
    and loaded with a model once its module is imported. Schedules are equal if
    they are of one class and have equal arguments.

    Args:
        begin_step: First step at which masks are updated. An integer counts
            optimizer steps; a float in [0, 1] is a fraction of the training.
        end_step: Last step at which masks are updated, counted likewise. The
            update at this step is always made. -1 goes on until training ends.
        frequency: Steps between two updates; a float in (0, 1] is a fraction
            of the training.

    Attributes:
        immediate: Whether `tfsparse.prune_block` prunes by this schedule at once
            where a layer has weights, without waiting for a training.
        locks: Whether the schedule keeps the zero blocks that a kernel has and
            never prunes another.

    Raises:
        ValueError: If a step is neither, or if `end_step` lies before
            `begin_step`.

    Example:

    >>> class HalfThenMost(tfsparse.PruningSchedule):
    ...     def __init__(self, most):
    ...         super().__init__(begin_step=100, end_step=200, frequency=100)
    ...         self.most = most
    ...
    ...     @property
    ...     def target(self):
    ...         return self.most
    ...
    ...     def sparsity(self, step):
    ...         return self.most if step >= 200 else 0.5
    ...
    ...     def get_config(self):
    ...         return {"most": self.most}
    >>> schedule = HalfThenMost(0.9)
    >>> [(step, schedule.sparsity(step)) for step in range(300) if schedule(step)[0]]
    [(100, 0.5), (200, 0.9)]
    """

    immediate: ClassVar[bool] = False
    locks: ClassVar[bool] = False

    def __init__(
        self,
        begin_step: SupportsIndex | float,
        end_step: SupportsIndex | float,
        frequency: SupportsIndex | float,
    ) -> None:
        self.begin_step = _check_step("begin_step", begin_step)
        self.end_step = _check_step("end_step", end_step, forever=True)
        self.frequency = _check_step("frequency", frequency)
        if self.frequency == 0:
            raise ValueError(f"`frequency` should be positive. Received: frequency={frequency!r}")
        # A step and a fraction can be compared only once the training is known.
        comparable = isinstance(self.begin_step, int) == isinstance(self.end_step, int)
        if comparable and self.end_step != -1 and self.end_step < self.begin_step:
            raise ValueError(
                "`end_step` should not be less than `begin_step`. "
                f"Received: begin_step={begin_step!r}, end_step={end_step!r}"
            )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _CLASSES[cls._identifier()] = cls

    @classmethod
    def _identifier(cls) -> str:
        # Our own names do not carry the module, so that files may move.
        own = cls.__module__.partition(".")[0] == "tfsparse"
        return cls.__name__ if own else f"{cls.__module__}>{cls.__qualname__}"

    @property
    @abc.abstractmethod
    def target(self) -> float:
        """Sparsity that the schedule ends with."""

    @abc.abstractmethod
    def sparsity(self, step: int) -> float:
        """Sparsity at `step`; needs steps, not fractions."""

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule, as plain JSON data."""

    @property
    def has_fractions(self) -> bool:
        """Whether a step is given as a fraction of the training."""
        return any(self._are_fractions)

    def in_steps(self, begin: int, end: int) -> PruningSchedule:
        """The same schedule for a training that runs from step `begin` to `end`.

        Raises:
            ValueError: If the schedule mixes steps and fractions, and in this
                training `end_step` lies before `begin_step`.
        """
        if not self.has_fractions:
            return self
        length = end - begin
        schedule = copy.copy(self)
        if isinstance(self.begin_step, float):
            schedule.begin_step = begin + round(self.begin_step * length)
        if isinstance(self.end_step, float):
            schedule.end_step = begin + round(self.end_step * length)
        if isinstance(self.frequency, float):
            schedule.frequency = max(1, round(self.frequency * length))
        if 0 <= schedule.end_step < schedule.begin_step:
            raise ValueError(
                "`end_step` should not be less than `begin_step`, but in a training from step "
                f"{begin} to {end} they are {schedule.end_step} and {schedule.begin_step}. "
                f"Received: schedule={self}"
            )
        return schedule

    def last_due(self, first: int, last: int) -> int | None:
        """The last step in ``[first, last]`` at which masks are updated, if any."""
        begin, end, frequency = self._whole_steps()
        if end >= 0 and first <= end <= last:
            return end
        newest = min(last, end) if end >= 0 else last
        if newest < max(first, begin):
            return None
        due = begin + (newest - begin) // frequency * frequency
        return due if due >= first else None

    def __call__(self, step: int) -> tuple[bool, float]:
        """Whether masks are updated at `step`, and the sparsity there."""
        return self.last_due(int(step), int(step)) is not None, self.sparsity(int(step))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PruningSchedule):
            return NotImplemented
        # 1 and 1.0 are equal, but one step is not the whole training.
        return (
            type(self) is type(other)
            and self.get_config() == other.get_config()
            and self._are_fractions == other._are_fractions
        )

    def __hash__(self) -> int:
        # What equal schedules share, whatever their configuration holds.
        return hash((type(self), self.target, self.begin_step, self.end_step, self.frequency))

    @property
    def _are_fractions(self) -> tuple[bool, ...]:
        return tuple(isinstance(s, float) for s in (self.begin_step, self.end_step, self.frequency))

    def _whole_steps(self) -> tuple[int, int, int]:
        if self.has_fractions:
            raise ValueError(
                "`schedule` should count in steps here; `schedule.in_steps(begin, end)` turns its "
                f"fractions into steps of a training. Received: schedule={self}"
            )
        return int(self.begin_step), int(self.end_step), int(self.frequency)


def serialize_schedule(schedule: PruningSchedule) -> dict[str, Any]:
    """A schedule as plain JSON data."""
    return {"class_name": type(schedule)._identifier(), "config": schedule.get_config()}


def deserialize_schedule(data: dict[str, Any]) -> PruningSchedule:
    """The inverse of `serialize_schedule`.

    Raises:
        ValueError: If no schedule class of that name was defined.
    """
    if data["class_name"] not in _CLASSES:
        raise ValueError(
            "`schedule` should be of a class that is defined before the model is loaded. "
            f"Received: class_name={data['class_name']!r}"
        )
    return _CLASSES[data["class_name"]](**data["config"])


def check_sparsity(name: str, value: Any) -> float:
    """Reads a sparsity.

    Args:
        name: Name of the argument, for the error.
        value: What the user passed.

    Raises:
        ValueError: If it is not a number in [0, 1).
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0.0 <= value < 1.0:
        raise ValueError(
            f"`{name}` should be at least 0 and less than 1. Received: {name}={value!r}"
        )
    return float(value)


def _check_step(name: str, value: Any, forever: bool = False) -> int | float:
    if isinstance(value, (float, np.floating)):
        if 0.0 <= value <= 1.0:
            return float(value)
    elif not isinstance(value, bool) and hasattr(value, "__index__"):
        step = operator.index(value)
        if step >= 0 or (forever and step == -1):
            return step
    raise ValueError(
        f"`{name}` should be a number of steps (an integer, at least 0) or a fraction of the "
        f"training (a float from 0.0 to 1.0). Received: {name}={value!r}"
    )
