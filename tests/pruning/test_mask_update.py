import numpy as np
import pytest

from tfsparse import PolynomialDecay
from tfsparse.pruning.constant_schedules import ConstantSparsity, PatternLock
from tfsparse.pruning.mask_update import advance, finish
from tfsparse.pruning.scope import Scope

from .fakes import FakeKernel, make_state

HALF = ConstantSparsity(0.5, begin_step=2, frequency=3)
GLOBAL = Scope("global", max_sparsity=1.0)
STRONG, WEAK = (5.0, 4.0, 3.0, 2.0), (5.0, 1e-3, 1e-3, 1e-3)


def pair(schedule=HALF, scope=GLOBAL, scores=(STRONG, WEAK)):
    kernels = [FakeKernel(schedule, scope, s) for s in scores]
    states = [make_state(kernel) for kernel in kernels]
    for state in states:
        state.start(0, 20)
    return states, kernels


def sparsities(kernels):
    return [kernel.sparsity for kernel in kernels]


def test_local_kernels_each_reach_the_target():
    states, kernels = pair(scope=Scope())
    advance(states, 1)
    assert sparsities(kernels) == [0.0, 0.0]
    advance(states, 2)
    assert sparsities(kernels) == [0.5, 0.5]
    assert [kernel.updates for kernel in kernels] == [[0.5], [0.5]]


def test_global_kernels_reach_it_together():
    states, kernels = pair()
    advance(states, 1)
    assert sparsities(kernels) == [0.0, 0.0]
    advance(states, 3)
    assert sparsities(kernels) == [0.25, 0.75]
    assert all(state.clock.next_step == 4 for state in states)
    advance(states, 4)  # nothing is due
    assert [len(kernel.assigned) for kernel in kernels] == [1, 1]


def test_one_layer_may_hold_kernels_of_several_scopes_and_schedules():
    early = ConstantSparsity(0.5, begin_step=0, frequency=100)
    kernels = [
        FakeKernel(HALF, GLOBAL, STRONG),
        FakeKernel(early, GLOBAL, WEAK),
        FakeKernel(HALF, Scope(), WEAK),
        FakeKernel(HALF, Scope("global", max_sparsity=0.5), WEAK),
        FakeKernel(HALF, GLOBAL, WEAK),
    ]
    states = [make_state(*kernels[:4]), make_state(kernels[4])]
    for state in states:
        state.start(0, None)
    advance(states, 0)
    assert sparsities(kernels) == [0.0, 0.5, 0.0, 0.0, 0.0]
    advance(states, 2)
    # The first and the last share a target; the others have one of their own.
    assert sparsities(kernels) == [0.25, 0.5, 0.5, 0.5, 0.75]


def test_a_layer_that_joins_late_is_ranked_with_the_others():
    states, kernels = pair()
    advance(states[:1], 2)
    assert sparsities(kernels) == [0.5, 0.0]
    advance(states, 3)
    # What is pruned stays pruned; the rest of the target is the other one's.
    assert sparsities(kernels) == [0.5, 0.5]
    assert states[0].clock.next_step == 4


def test_a_layer_at_another_position_of_the_schedule_is_ranked_apart():
    ramp = PolynomialDecay(0.0, 0.5, 0, 10, power=1, frequency=5)
    states, kernels = pair(ramp)
    states[0].clock.offset = 10  # trained before, under another optimizer
    advance(states, 5)
    assert sparsities(kernels) == [0.5, 0.25]


@pytest.mark.parametrize(
    ("schedule", "scope"),
    [
        (ConstantSparsity(0.5, begin_step=2, frequency=100), GLOBAL),
        (HALF, Scope("global", max_sparsity=0.9)),
    ],
)
def test_another_schedule_or_other_bounds_make_another_target(schedule, scope):
    kernels = [FakeKernel(HALF, GLOBAL, STRONG), FakeKernel(schedule, scope, WEAK)]
    states = [make_state(kernel) for kernel in kernels]
    advance(states, 2)
    assert sparsities(kernels) == [0.5, 0.5]


def test_bounds_hold_and_are_approached_together():
    ramp = PolynomialDecay(0.25, 0.5, 0, 8, power=1, frequency=4)
    scope = Scope("global", min_sparsity=0.4, max_sparsity=0.6)
    states, kernels = pair(ramp, scope, (np.arange(10.0, 110.0, 1.0), np.arange(100.0)[::-1] ** 3))
    advance(states, 0)
    # Below the least sparsity of a kernel all have the sparsity of the schedule.
    assert sparsities(kernels) == [0.25, 0.25]
    advance(states, 8)
    assert sparsities(kernels) == [0.4, 0.6]


def test_at_a_sparsity_of_zero_nothing_is_ranked():
    for scope in (Scope(), GLOBAL):
        kernel = FakeKernel(PolynomialDecay(0.0, 0.5, 0, 8, frequency=4), scope)
        kernel.ranking = kernel.update = None
        state = make_state(kernel)
        state.start(0, None)
        advance([state], 0)
        assert kernel.assigned == [0.0] and state.has_run


def test_scores_of_gradients_learn_of_every_update():
    class Score:
        updates = 0

        def updated(self):
            self.updates += 1

    for scope in (Scope(), GLOBAL):
        states, kernels = pair(scope=scope)
        kernels[1].gradient_score = Score()
        for iterations in range(6):
            advance(states, iterations)
        assert kernels[1].gradient_score.updates == 2


def test_locks_have_no_target_to_share():
    states, kernels = pair(PatternLock())
    for kernel in kernels:
        kernel.ranking, kernel.locked = None, 0
    advance(states, 0)
    assert [kernel.locked for kernel in kernels] == [1, 1]
    assert kernels[0].assigned == kernels[0].updates == []
    assert all(state.reached_target for state in states)


@pytest.mark.parametrize("scope", [Scope(), GLOBAL])
def test_finish_makes_the_last_update_of_what_ends_with_the_training(scope):
    states, kernels = pair(PolynomialDecay(0.0, 0.5, 0.0, 1.0, frequency=0.1), scope)
    advance(states, 19)  # of 20
    assert not any(state.reached_target for state in states)
    finish(states)
    assert all(state.reached_target for state in states)
    assert sum(sparsities(kernels)) == 1.0
    finish(states)
    for schedule in (HALF, ConstantSparsity(0.5, begin_step=0)):
        states, kernels = pair(schedule, scope)
        finish(states)
        assert sparsities(kernels) == [0.0, 0.0]


@pytest.mark.parametrize("wrong", [1.0, 1.5, -0.1, float("nan"), None])
@pytest.mark.parametrize("scope", [Scope(), GLOBAL])
def test_a_sparsity_that_is_none_is_refused(wrong, scope):
    """Of a schedule of the user's: 1.0 would leave nothing of the kernels."""

    class Wrong(ConstantSparsity):
        def sparsity(self, step):
            return wrong

    states, kernels = pair(Wrong(0.5, begin_step=2), scope)
    with pytest.raises(ValueError, match=r"`schedule\.sparsity\(step\)` should be at least 0"):
        advance(states, 2)
    assert sparsities(kernels) == [0.0, 0.0]
