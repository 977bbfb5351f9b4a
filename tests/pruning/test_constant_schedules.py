import pytest

from tfsparse.pruning.constant_schedules import ConstantSparsity, OneShot, PatternLock

from .schedule_cases import CLASSES


def updates(schedule, steps):
    return [step for step in range(steps) if schedule(step)[0]]


def test_constant_goes_on_without_an_end():
    assert updates(ConstantSparsity(0.5, begin_step=3, frequency=4), 16) == [3, 7, 11, 15]
    assert updates(ConstantSparsity(0.5, begin_step=3, end_step=9, frequency=4), 16) == [3, 7, 9]


def test_constant_is_constant():
    schedule = ConstantSparsity(0.5, begin_step=3)
    assert {schedule.sparsity(step) for step in (0, 3, 99)} == {0.5} == {schedule.target}


@pytest.mark.parametrize("schedule", [OneShot(0.75), PatternLock()])
def test_once_means_once_and_at_once(schedule):
    assert updates(schedule, 1000) == [0]
    assert schedule.end_step == 0 and not schedule.has_fractions
    assert schedule.immediate


def test_one_shot_goes_to_its_target():
    assert OneShot(0.75)(0) == (True, 0.75)
    assert OneShot(0.75).sparsity(99) == OneShot(0.75).target == 0.75


def test_one_shot_is_caught_up_with_by_an_optimizer_that_has_run():
    assert OneShot(0.5).last_due(0, 500) == 0
    assert OneShot(0.5).last_due(1, 500) is None


def test_a_lock_asks_for_no_sparsity():
    assert PatternLock().locks
    assert PatternLock()(0) == (True, 0.0)
    assert PatternLock().target == PatternLock().sparsity(99) == 0.0


def test_nothing_else_is_immediate_or_locks():
    assert [cls for cls in CLASSES if cls.immediate] == [OneShot, PatternLock]
    assert [cls for cls in CLASSES if cls.locks] == [PatternLock]


@pytest.mark.parametrize("cls", [OneShot, lambda share: ConstantSparsity(share, 0)])
def test_a_wrong_sparsity_is_named(cls):
    with pytest.raises(ValueError, match=r"target_sparsity=1\.0"):
        cls(1.0)
