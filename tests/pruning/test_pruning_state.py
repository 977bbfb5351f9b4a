import pytest

from tfsparse import PolynomialDecay
from tfsparse.pruning.constant_schedules import PatternLock
from tfsparse.pruning.mask_update import advance, finish

from .fakes import FakeKernel, FakeVariable, make_state

RAMP = PolynomialDecay(0.0, 0.5, 0, 12, power=1, frequency=5)


def make(schedule, variable=None):
    kernel = FakeKernel(schedule)
    return make_state(kernel, variable=variable), kernel


def test_each_update_is_made_once():
    state, kernel = make(RAMP)
    state.start(0, None)
    for iterations in range(20):
        advance([state], iterations)
        advance([state], iterations)
    # The one to a sparsity of 0 needs no ranking.
    assert kernel.assigned == [0.0]
    assert kernel.updates == [0.2083, 0.4167, 0.5]
    assert state.reached_target


def test_position_is_exact_when_it_is_saved():
    variable = FakeVariable()
    state, _ = make(RAMP, variable)
    state.start(0, None)
    advance([state], 8)
    state.store(8)
    assert variable.value.tolist() == [9, 0, 0, 0, 12]
    again, kernel = make(RAMP, variable)
    again.start(0, None)  # with a new optimizer
    advance([again], 1)
    assert kernel.updates == []
    advance([again], 2)
    assert kernel.updates == [0.4167]
    assert again.clock.offset == 8


def test_position_never_goes_back():
    state, _ = make(RAMP)
    state.start(0, None)
    state.passed(7)
    state.store(3)
    assert state.clock.next_step == 8


def test_fractions_refer_to_the_training_that_began():
    variable = FakeVariable()
    schedule = PolynomialDecay(0.0, 0.5, 0.0, 1.0, power=1, frequency=0.25)
    state, _ = make(schedule, variable)
    state.start(100, 40)
    advance([state], 110)
    state.store(119)
    again, kernel = make(schedule, variable)
    again.start(119, 21)
    advance([again], 120)
    assert kernel.updates == [0.25]
    assert not again.reached_target
    finish([again])
    assert kernel.updates[-1] == 0.5 and again.reached_target


def test_fractions_of_an_unknown_length_are_refused():
    state, _ = make(PolynomialDecay(0.0, 0.5, 0.0, 1.0))
    with pytest.raises(ValueError, match="training_steps"):
        state.start(0, None)


def test_kernels_of_a_layer_may_have_schedules_of_their_own():
    kernels = [
        FakeKernel(RAMP),
        FakeKernel(PolynomialDecay(0.0, 0.75, 4, 20, power=1, frequency=8)),
        FakeKernel(PolynomialDecay(0.0, 0.25, 0.5, 1.0, power=1, frequency=0.5)),
    ]
    state = make_state(*kernels)
    assert state.has_fractions
    with pytest.raises(ValueError, match="training_steps"):
        state.start(0, None)
    state.start(0, 16)
    for iterations in range(16):
        advance([state], iterations)
    assert kernels[0].updates == [0.2083, 0.4167, 0.5]
    assert kernels[1].updates == [0.375] and kernels[2].updates == []
    assert not state.reached_target
    advance([state], 16)
    assert kernels[2].updates == [0.25] and not state.reached_target
    advance([state], 20)
    assert kernels[1].updates == [0.375, 0.75] and state.reached_target


def test_zeros_are_locked_when_a_first_training_begins():
    variable = FakeVariable()
    for schedule in (RAMP, PatternLock()):
        state, kernel = make(schedule)
        state.start(0, None)
        assert kernel.locked == 1 and kernel.updates == kernel.assigned == []
    state, kernel = make(RAMP, variable)
    state.start(0, None)
    advance([state], 5)
    state, kernel = make(RAMP, variable)
    state.start(5, None)
    assert kernel.locked == 0


def test_a_lock_prunes_nothing():
    state, kernel = make(PatternLock())
    state.start(0, None)
    for iterations in range(3):
        advance([state], iterations)
    assert kernel.updates == kernel.assigned == []
    assert state.reached_target and state.has_run


def test_has_run_is_read_from_what_was_loaded():
    variable = FakeVariable()
    state, _ = make(RAMP, variable)
    assert not state.has_run
    variable.assign(variable.value + 3)
    assert state.has_run
