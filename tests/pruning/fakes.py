"""Stand-ins for kernels and their clocks, for tests of what moves them."""

import dataclasses
from typing import Any

import numpy as np

from tfsparse.pruning.clock import Clock
from tfsparse.pruning.pruning_state import PruningState
from tfsparse.pruning.scope import Scope
from tfsparse.pruning.selection import Ranking, select


class FakeVariable:
    """An array with the methods of a variable."""

    def __init__(self):
        self.value = np.zeros(Clock.SHAPE, np.int64)

    def numpy(self):
        return self.value

    def assign(self, value):
        self.value = value


@dataclasses.dataclass
class FakeSettings:
    """The settings that a state looks at."""

    schedule: Any
    scope: Scope = dataclasses.field(default_factory=Scope)


class FakeKernel:
    """A kernel of four blocks, or of given scores, that notes what is asked of it."""

    def __init__(self, schedule, scope=None, scores=(4.0, 3.0, 2.0, 1.0)):
        self.settings = FakeSettings(schedule, scope or Scope())
        self.gradient_score = None
        self.scores = np.asarray(scores, float).reshape(1, 1, -1)
        self.mask = np.ones(self.scores.shape, bool)
        self.updates = []
        self.assigned = []
        self.locked = 0

    def kept(self):
        return self.mask

    def ranking(self):
        ones = np.ones(self.scores.shape, int)
        return Ranking(self.scores, self.mask, ones, ones > 0)

    def assign(self, kept):
        self.mask = kept
        self.assigned.append(self.sparsity)

    def update(self, sparsity):
        self.updates.append(round(sparsity, 4))
        self.mask = select(self.ranking(), sparsity)

    def lock_zeros(self):
        self.locked += 1

    @property
    def sparsity(self):
        return float(np.mean(~self.mask))


def make_state(*kernels, variable=None):
    """The state of a layer with these kernels."""
    variable = FakeVariable() if variable is None else variable
    return PruningState(kernels, kernels[0].settings.schedule, Clock(variable))
