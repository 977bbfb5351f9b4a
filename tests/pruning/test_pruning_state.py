import numpy as np
import pytest

from tfsparse import PolynomialDecay
from tfsparse.pruning.clock import Clock
from tfsparse.pruning.pruning_state import PruningState


class Variable:
    """An array with the methods of a variable."""

    def __init__(self):
        self.value = np.zeros(Clock.SHAPE, np.int64)

    def numpy(self):
        return self.value

    def assign(self, value):
        self.value = value


class Kernel:
    """Notes the updates that are asked for."""

    def __init__(self):
        self.updates = []

    def update(self, sparsity):
        self.updates.append(round(sparsity, 4))


def make(schedule, variable=None):
    kernel = Kernel()
    return PruningState([kernel], schedule, Clock(variable or Variable())), kernel


RAMP = PolynomialDecay(0.0, 0.5, 0, 12, power=1, frequency=5)


def test_each_update_is_made_once():
    state, kernel = make(RAMP)
    state.start(0, None)
    for iterations in range(20):
        state.advance(iterations)
        state.advance(iterations)
    assert kernel.updates == [0.0, 0.2083, 0.4167, 0.5]
    assert state.reached_target


def test_position_is_exact_when_it_is_saved():
    variable = Variable()
    state, _ = make(RAMP, variable)
    state.start(0, None)
    state.advance(8)
    state.store(8)
    assert variable.value.tolist() == [9, 0, 0, 0]
    again, kernel = make(RAMP, variable)
    again.start(0, None)  # with a new optimizer
    again.advance(1)
    assert kernel.updates == []
    again.advance(2)
    assert kernel.updates == [0.4167]
    assert again.clock.offset == 8


def test_fractions_refer_to_the_training_that_began():
    variable = Variable()
    schedule = PolynomialDecay(0.0, 0.5, 0.0, 1.0, power=1, frequency=0.25)
    state, _ = make(schedule, variable)
    state.start(100, 40)
    state.advance(110)
    state.store(119)
    again, kernel = make(schedule, variable)
    again.start(119, 21)
    again.advance(120)
    assert kernel.updates == [0.25]
    assert not again.reached_target
    again.finish()
    assert kernel.updates[-1] == 0.5 and again.reached_target


def test_fractions_of_an_unknown_length_are_refused():
    state, _ = make(PolynomialDecay(0.0, 0.5, 0.0, 1.0))
    with pytest.raises(ValueError, match="training_steps"):
        state.start(0, None)
