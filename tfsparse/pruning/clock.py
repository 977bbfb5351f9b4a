"""Where a layer stands in its schedule, saved with the model.

Schedules count `optimizer.iterations`. Three things have to be kept beside it so
that a resumed training goes on as if it had not stopped:

- `next_step`: the first step whose update has not been made;
- `offset`: steps made under earlier optimizers. A model that is compiled anew
  starts again at iteration 0; counting from there would let the target fall
  back and bring pruned blocks to life;
- `begin`, `end`: the training that fractions in the schedule refer to, fixed
  when it starts and not when it resumes. `end` of 0 means not fixed yet;
- `last`: the step of the last update that the schedules make, so that a training
  step can tell in its graph whether that is still to come.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf


@dataclasses.dataclass
class Clock:
    """Position of a layer in its schedule, backed by one int64 variable.

    Attributes:
        variable: int64 variable of shape `Clock.SHAPE`, all zeros at first.
    """

    SHAPE = (5,)

    variable: Any
    next_step: int = 0
    offset: int = 0
    begin: int = 0
    end: int = 0
    last: int = 0

    def load(self) -> None:
        """Reads the variable, whose value may have come from a checkpoint."""
        values = (int(value) for value in self.variable.numpy())
        self.next_step, self.offset, self.begin, self.end, self.last = values

    def store(self) -> None:
        """Writes the variable, so that the next checkpoint holds it."""
        values = (self.next_step, self.offset, self.begin, self.end, self.last)
        self.variable.assign(np.array(values, dtype=np.int64))

    def synchronize(self, iterations: int) -> None:
        """Reads the variable and adapts to an optimizer that may be a new one."""
        self.load()
        # One less, because the update of the current step may be made already.
        if iterations + self.offset < self.next_step - 1:
            self.offset = self.next_step - 1 - iterations

    def step(self, iterations: int) -> int:
        """Training step of the layer at an iteration of the optimizer."""
        return iterations + self.offset

    def before_target(self) -> tf.Tensor:
        """Whether an update is still to come, or none was ever made: scalar bool tensor.

        Read off the variable when the tensor is computed, so it may stand in a graph.
        """
        next_step, *_, last = tf.unstack(tf.convert_to_tensor(self.variable))
        return next_step <= last
