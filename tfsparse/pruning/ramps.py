"""Ramps: schedules whose sparsity moves from an initial to a final value.

With p the share of the ramp that is done, 0 at `begin_step` and 1 at `end_step`,
they differ in where they prune the most:

==================  ===========================================================
`PolynomialDecay`   at the start, while there is much to choose from
`ExponentialDecay`  each update removes the same share of what is left
`CosineDecay`       in the middle; a soft start and a soft landing
`LinearDecay`       evenly
==================  ===========================================================

They are called decays, as in TensorFlow Model Optimization and in Keras's
learning rate schedules, though what decays is the density.
"""

from __future__ import annotations

import abc
import math
import numbers
from typing import Any, SupportsIndex

import tensorflow as tf

from tfsparse.pruning.schedules import PruningSchedule, check_sparsity


class Ramp(PruningSchedule):
    """What all ramps share; a subclass implements `_on_the_way`."""

    def __init__(
        self,
        initial_sparsity: float,
        final_sparsity: float,
        begin_step: SupportsIndex | float,
        end_step: SupportsIndex | float,
        frequency: SupportsIndex | float = 100,
    ) -> None:
        super().__init__(begin_step, end_step, frequency)
        if self.end_step == -1:
            raise ValueError(
                f"`end_step` should not be -1 in a ramp. Received: end_step={end_step}"
            )
        self.initial_sparsity = check_sparsity("initial_sparsity", initial_sparsity)
        self.final_sparsity = check_sparsity("final_sparsity", final_sparsity)

    @property
    def target(self) -> float:
        """Sparsity that the schedule ends with."""
        return self.final_sparsity

    def sparsity(self, step: int) -> float:
        """Sparsity at `step`."""
        begin, end, _ = self._whole_steps()
        if step >= end:
            return self.final_sparsity
        # Before a ramp of no length, nothing of it is done.
        sparsity = self._on_the_way(max(0, step - begin), max(1, end - begin))
        # Rounding must not lead past the target: a mask does not come back from there.
        beyond = min if self.initial_sparsity <= self.final_sparsity else max
        return beyond(sparsity, self.final_sparsity)

    @abc.abstractmethod
    def _on_the_way(self, done: int, length: int) -> float:
        """Sparsity when `done` of `length` steps are made, ``0 <= done < length``."""

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule, as plain JSON data."""
        return {
            "initial_sparsity": self.initial_sparsity,
            "final_sparsity": self.final_sparsity,
            "begin_step": self.begin_step,
            "end_step": self.end_step,
            "frequency": self.frequency,
        }


class PolynomialDecay(Ramp):
    """Sparsity that grows fast at first and slows down towards its target.

    ``final + (initial - final) * (1 - p) ** power``, where p runs from 0 at
    `begin_step` to 1 at `end_step`.

    Parameters and values are those of TensorFlow Model Optimization: before
    `end_step` both name the same float32. There, `frequency` may pass over
    `end_step`; here the update at `end_step` is always made.

    Args:
        initial_sparsity: Sparsity at `begin_step`, in [0, 1).
        final_sparsity: Sparsity from `end_step` on, in [0, 1).
        begin_step: First step at which masks are updated; a float is a fraction
            of the training.
        end_step: Last step at which they are, always; a float is a fraction of
            the training.
        power: Exponent, positive. 3 is the cubic ramp of the paper, 1 is linear;
            less than 1 prunes the most at the end.
        frequency: Steps between two updates; a float is a fraction of the
            training.

    Raises:
        ValueError: If a sparsity is outside [0, 1), the power is not positive or
            the steps are not in order.

    Example:

    >>> schedule = tfsparse.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=19, frequency=10)
    >>> [step for step in range(40) if schedule(step)[0]]
    [0, 10, 19]
    >>> schedule.sparsity(19)
    0.8

    Reference:

    - [Zhu and Gupta, 2017](https://arxiv.org/abs/1710.01878), equation 1
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
        super().__init__(initial_sparsity, final_sparsity, begin_step, end_step, frequency)
        number = isinstance(power, numbers.Real) and not isinstance(power, bool)
        if not number or not 0.0 < power < math.inf:
            raise ValueError(f"`power` should be a positive number. Received: power={power!r}")
        self.power = float(power)

    def _on_the_way(self, done: int, length: int) -> float:
        # In float32 and in the order of TensorFlow Model Optimization, so that both name
        # the same sparsity to the last bit. The powers of NumPy and of TensorFlow differ
        # there, and so may a GPU's, hence TensorFlow on the CPU.
        with tf.device("CPU:0"):
            progress = tf.cast(done, tf.float32) / float(length)
            span = tf.constant(self.initial_sparsity - self.final_sparsity, tf.float32)
            return float(span * tf.math.pow(1.0 - progress, self.power) + self.final_sparsity)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal schedule, as plain JSON data."""
        return {**super().get_config(), "power": self.power}


class ExponentialDecay(Ramp):
    """Density that decays geometrically: each update removes the same share of it.

    ``1 - (1 - initial) * ((1 - final) / (1 - initial)) ** p``, where p runs from 0
    at `begin_step` to 1 at `end_step`.

    Args:
        initial_sparsity: Sparsity at `begin_step`, in [0, 1).
        final_sparsity: Sparsity from `end_step` on, in [0, 1).
        begin_step: First step at which masks are updated; a float is a fraction
            of the training.
        end_step: Last step at which they are, always; a float is a fraction of
            the training.
        frequency: Steps between two updates; a float is a fraction of the
            training.

    Raises:
        ValueError: If a sparsity is outside [0, 1) or the steps are not in order.

    Example:

    >>> schedule = tfsparse.ExponentialDecay(0.0, 0.9375, begin_step=0, end_step=400)
    >>> [round(1 - schedule.sparsity(step), 4) for step in range(0, 401, 100)]
    [1.0, 0.5, 0.25, 0.125, 0.0625]

    Reference:

    - [Tanaka et al., 2020](https://arxiv.org/abs/2006.05467), whose density after
      k of n rounds is ``final_density ** (k / n)``; extended here to ramps that
      begin with a sparsity.
    """

    def _on_the_way(self, done: int, length: int) -> float:
        # The formula, but exact where the ramp begins and precise where densities are near.
        rate = math.log((1.0 - self.final_sparsity) / (1.0 - self.initial_sparsity))
        return self.initial_sparsity - (1.0 - self.initial_sparsity) * math.expm1(
            done / length * rate
        )


class CosineDecay(Ramp):
    """Sparsity that grows most in the middle, with a soft start and a soft landing.

    ``initial + (final - initial) * (1 - cos(pi * p)) / 2``, where p runs from 0 at
    `begin_step` to 1 at `end_step`.

    Args:
        initial_sparsity: Sparsity at `begin_step`, in [0, 1).
        final_sparsity: Sparsity from `end_step` on, in [0, 1).
        begin_step: First step at which masks are updated; a float is a fraction
            of the training.
        end_step: Last step at which they are, always; a float is a fraction of
            the training.
        frequency: Steps between two updates; a float is a fraction of the
            training.

    Raises:
        ValueError: If a sparsity is outside [0, 1) or the steps are not in order.

    Example:

    >>> schedule = tfsparse.CosineDecay(0.0, 0.8, begin_step=0, end_step=400)
    >>> [round(schedule.sparsity(step), 3) for step in range(0, 401, 100)]
    [0.0, 0.117, 0.4, 0.683, 0.8]

    Reference:

    - [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1608.03983), equation 5,
      which lowers a learning rate along this curve; here it is the density.
    """

    def _on_the_way(self, done: int, length: int) -> float:
        way = (1.0 - math.cos(math.pi * done / length)) / 2.0
        return self.initial_sparsity + (self.final_sparsity - self.initial_sparsity) * way


class LinearDecay(Ramp):
    """Sparsity that grows evenly.

    ``initial + (final - initial) * p``, where p runs from 0 at `begin_step` to 1 at
    `end_step`: a `tfsparse.PolynomialDecay` of power 1.

    Args:
        initial_sparsity: Sparsity at `begin_step`, in [0, 1).
        final_sparsity: Sparsity from `end_step` on, in [0, 1).
        begin_step: First step at which masks are updated; a float is a fraction
            of the training.
        end_step: Last step at which they are, always; a float is a fraction of
            the training.
        frequency: Steps between two updates; a float is a fraction of the
            training.

    Raises:
        ValueError: If a sparsity is outside [0, 1) or the steps are not in order.

    Example:

    >>> schedule = tfsparse.LinearDecay(0.0, 0.75, begin_step=0, end_step=300)
    >>> [schedule.sparsity(step) for step in range(0, 301, 100)]
    [0.0, 0.25, 0.5, 0.75]
    """

    def _on_the_way(self, done: int, length: int) -> float:
        return self.initial_sparsity + (self.final_sparsity - self.initial_sparsity) * done / length
