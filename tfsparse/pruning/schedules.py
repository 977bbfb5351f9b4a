"""Schedules: which sparsity a kernel should have at which training step.

A schedule is a pure function of the step, so masks do not depend on how the
steps were grouped: `last_due(first, last)` says whether an update falls
anywhere inside a range of steps, which is what a callback that sees several
steps at once (`steps_per_execution`) or resumes in the middle needs. Testing
``step % frequency == 0`` would miss updates there.

Two rules hold for every schedule that ends. The update at `end_step` is always
made, also where `frequency` does not land on it. And `final_sparsity` is
returned as the number that was asked for; in between, values are computed in
float32 by TensorFlow in the order that TensorFlow Model Optimization uses, so
that both libraries name the same sparsity to the last bit.

Steps may be fractions of the training (floats in [0, 1]); `in_steps` turns them
into steps once the length of the training is known.
"""

from __future__ import annotations

import abc
import operator
from typing import Any, SupportsIndex

import tensorflow as tf

_CLASSES: dict[str, type[PruningSchedule]] = {}


class PruningSchedule(abc.ABC):
    """Base class of schedules.

    A subclass implements `sparsity` and `get_config`, and can be saved and
    loaded with a model once its module is imported.

    Args:
        begin_step: First step at which masks are updated. An integer counts
            optimizer steps; a float in [0, 1] is a fraction of the training.
        end_step: Last step at which masks are updated, counted likewise. The
            update at this step is always made. -1 goes on until training ends.
        frequency: Steps between two updates; a float in (0, 1] is a fraction
            of the training.

    Raises:
        ValueError: If a step is neither, or if `end_step` lies before
            `begin_step`.
    """

    def __init__(
        self,
        begin_step: SupportsIndex | float,
        end_step: SupportsIndex | float,
        frequency: SupportsIndex | float,
    ) -> None:
        self.begin_step = _step("begin_step", begin_step)
        self.end_step = _step("end_step", end_step, forever=True)
        self.frequency = _step("frequency", frequency)
        if self.frequency == 0:
            raise ValueError(f"`frequency` should be positive. Received: frequency={frequency!r}")
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
        """Arguments that make an equal schedule."""

    @property
    def has_fractions(self) -> bool:
        """Whether a step is given as a fraction of the training."""
        return any(isinstance(s, float) for s in (self.begin_step, self.end_step, self.frequency))

    def in_steps(self, begin: int, end: int) -> PruningSchedule:
        """The same schedule for a training that runs from step `begin` to `end`."""
        if not self.has_fractions:
            return self
        length = end - begin
        config = self.get_config()
        for name in ("begin_step", "end_step"):
            if isinstance(value := getattr(self, name), float):
                config[name] = begin + round(value * length)
        if isinstance(self.frequency, float):
            config["frequency"] = max(1, round(self.frequency * length))
        return type(self)(**config)

    def last_due(self, first: int, last: int) -> int | None:
        """The last step in ``[first, last]`` at which masks are updated, if any."""
        begin, end, frequency = (
            operator.index(s)  # type: ignore[arg-type]
            for s in (self.begin_step, self.end_step, self.frequency)
        )
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
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(repr(self))


class PolynomialDecay(PruningSchedule):
    """Sparsity that grows fast at first and slows down towards its target.

    ``final + (initial - final) * (1 - p) ** power``, where p runs from 0 at
    `begin_step` to 1 at `end_step`.

    Args:
        initial_sparsity: Sparsity at `begin_step`, in [0, 1).
        final_sparsity: Sparsity from `end_step` on, in [0, 1).
        begin_step: First step at which masks are updated; a float is a fraction
            of the training.
        end_step: Last step at which they are, always; a float is a fraction of
            the training.
        power: Exponent. 3 is the cubic ramp of the paper.
        frequency: Steps between two updates; a float is a fraction of the
            training.

    Raises:
        ValueError: If a sparsity is outside [0, 1) or the steps are not in order.

    Example:

    >>> schedule = PolynomialDecay(0.0, 0.8, begin_step=0, end_step=19, frequency=10)
    >>> [step for step in range(40) if schedule(step)[0]]
    [0, 10, 19]
    >>> schedule.sparsity(19)
    0.8

    Reference:

    - [Zhu and Gupta, 2017](https://arxiv.org/abs/1710.01878)
    """

    def __init__(
        self,
        initial_sparsity: float,
        final_sparsity: float,
        begin_step: SupportsIndex | float,
        end_step: SupportsIndex | float,
        power: float = 3,
        frequency: SupportsIndex | float = 100,
    ) -> None:
        super().__init__(begin_step, end_step, frequency)
        if self.end_step == -1:
            raise ValueError(
                f"`end_step` should not be -1 in a ramp. Received: end_step={end_step}"
            )
        self.initial_sparsity = _sparsity("initial_sparsity", initial_sparsity)
        self.final_sparsity = _sparsity("final_sparsity", final_sparsity)
        self.power = power

    @property
    def target(self) -> float:
        """Sparsity that the schedule ends with."""
        return self.final_sparsity

    def sparsity(self, step: int) -> float:
        """Sparsity at `step`."""
        begin, end = operator.index(self.begin_step), operator.index(self.end_step)  # type: ignore[arg-type]
        if step >= end:
            return self.final_sparsity
        # The powers of NumPy and of TensorFlow differ in the last bit, and so
        # may a GPU's, hence TensorFlow on the CPU.
        with tf.device("CPU:0"):
            done = tf.cast(max(0, step - begin), tf.float32) / float(end - begin)
            span = tf.constant(self.initial_sparsity - self.final_sparsity, tf.float32)
            return float(span * tf.math.pow(1.0 - done, self.power) + self.final_sparsity)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule."""
        return {
            "initial_sparsity": self.initial_sparsity,
            "final_sparsity": self.final_sparsity,
            "begin_step": self.begin_step,
            "end_step": self.end_step,
            "power": self.power,
            "frequency": self.frequency,
        }


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

    >>> ConstantSparsity(0.5, begin_step=10, frequency=5)(15)
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
        self.target_sparsity = _sparsity("target_sparsity", target_sparsity)

    @property
    def target(self) -> float:
        """Sparsity that the schedule ends with."""
        return self.target_sparsity

    def sparsity(self, step: int) -> float:
        """Sparsity at `step`."""
        return self.target_sparsity

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule."""
        return {
            "target_sparsity": self.target_sparsity,
            "begin_step": self.begin_step,
            "end_step": self.end_step,
            "frequency": self.frequency,
        }


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


def _step(name: str, value: SupportsIndex | float, forever: bool = False) -> int | float:
    if isinstance(value, float):
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


def _sparsity(name: str, value: float) -> float:
    if isinstance(value, bool) or not 0.0 <= value < 1.0:
        raise ValueError(
            f"`{name}` should be at least 0 and less than 1. Received: {name}={value!r}"
        )
    return float(value)
