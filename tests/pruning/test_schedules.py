"""What holds for every schedule, and the base class itself."""

import itertools
import json

import numpy as np
import pytest

from tfsparse.pruning.constant_schedules import ConstantSparsity, OneShot, PatternLock
from tfsparse.pruning.ramps import LinearDecay, PolynomialDecay
from tfsparse.pruning.schedules import (
    PruningSchedule,
    check_sparsity,
    deserialize_schedule,
    serialize_schedule,
)

from .schedule_cases import CLASSES, schedules


def updates(schedule, steps):
    return [step for step in range(steps) if schedule(step)[0]]


class EverySecondStep(PruningSchedule):
    """A user's schedule, whose configuration does not have its steps."""

    def __init__(self, share, end_step=10):
        super().__init__(0, end_step, 2)
        self.share = share

    @property
    def target(self):
        return self.share

    def sparsity(self, step):
        return self.share

    def get_config(self):
        return {"share": self.share}


@pytest.mark.parametrize("cls", CLASSES)
def test_last_due_in_a_range_is_the_last_single_step_due(cls):
    for schedule in schedules(cls, 8):
        due = updates(schedule, 90)
        assert due, schedule
        for first in range(0, 80, 7):
            for last in range(first, 90, 5):
                expected = [step for step in due if first <= step <= last]
                assert schedule.last_due(first, last) == (expected[-1] if expected else None)


@pytest.mark.parametrize("cls", CLASSES)
def test_updates_are_those_of_the_definition(cls):
    for schedule in schedules(cls):
        due = updates(schedule, 90)
        if hasattr(schedule, "steps"):
            assert due == schedule.steps
            continue
        begin, end, frequency = schedule.begin_step, schedule.end_step, schedule.frequency
        regular = range(begin, 90 if end == -1 else end + 1, frequency)
        assert due == sorted({*regular, *([end] if end >= 0 else [])}), schedule


@pytest.mark.parametrize("cls", CLASSES)
def test_sparsity_is_the_target_from_the_last_update_on(cls):
    for schedule in schedules(cls):
        last = schedule.end_step if schedule.end_step >= 0 else schedule.begin_step
        assert {schedule.sparsity(last + more) for more in (0, 1, 1000)} == {schedule.target}
        assert schedule.last_due(0, 10**9) >= last


@pytest.mark.parametrize("cls", CLASSES)
def test_sparsity_never_falls_nor_passes_the_target(cls):
    for schedule in schedules(cls):
        values = [schedule.sparsity(step) for step in range(90)]
        assert all(0.0 <= a <= b for a, b in itertools.pairwise(values)), schedule
        assert max(values) == schedule.target


@pytest.mark.parametrize("cls", CLASSES)
def test_serialization_gives_an_equal_schedule(cls):
    for schedule in schedules(cls):
        copy = deserialize_schedule(json.loads(json.dumps(serialize_schedule(schedule))))
        assert copy is not schedule and copy == schedule and hash(copy) == hash(schedule)
        assert repr(copy) == repr(schedule)
        assert [copy(step) for step in range(0, 90, 3)] == [schedule(s) for s in range(0, 90, 3)]


@pytest.mark.parametrize("cls", CLASSES)
def test_repr_is_the_call_that_makes_it(cls):
    for schedule in schedules(cls, 5):
        assert eval(repr(schedule), {cls.__name__: cls}) == schedule


def test_no_two_of_all_schedules_are_equal():
    distinct = {repr(schedule): schedule for cls in CLASSES for schedule in schedules(cls)}
    assert len(distinct) > 200
    assert len(set(distinct.values())) == len(distinct)


def test_a_schedule_of_a_user_is_serialized():
    copy = deserialize_schedule(serialize_schedule(EverySecondStep(0.25)))
    assert copy == EverySecondStep(0.25) != EverySecondStep(0.5)


def test_classes_with_equal_arguments_are_not_equal():
    assert OneShot(0.5) != EverySecondStep(0.5)
    assert LinearDecay(0.0, 0.5, 0, 9) != PolynomialDecay(0.0, 0.5, 0, 9, power=1)
    assert PatternLock() != {}

    class Renamed(PatternLock):
        pass

    assert Renamed() != PatternLock() and PatternLock() != Renamed()


def test_one_step_is_not_the_whole_training():
    step, whole = LinearDecay(0.0, 0.5, 0, 1), LinearDecay(0.0, 0.5, 0, 1.0)
    assert step != whole and len({step, whole}) == 2


def test_numbers_of_any_type_make_equal_schedules():
    ours = PolynomialDecay(0.0, 0.5, 3, 9, power=3, frequency=2)
    share, begin, end = np.float64(0.5), np.int64(3), np.int32(9)
    theirs = PolynomialDecay(0, share, begin, end, power=np.float32(3), frequency=np.int8(2))
    assert ours == theirs and hash(ours) == hash(theirs) and repr(ours) == repr(theirs)
    assert LinearDecay(0, 0.5, np.float32(0.5), 0.75) == LinearDecay(0, 0.5, 0.5, 0.75)


def test_unknown_class_is_named():
    with pytest.raises(ValueError, match="class_name='Nowhere'"):
        deserialize_schedule({"class_name": "Nowhere", "config": {}})


def test_files_may_move_because_our_names_do_not_carry_them():
    assert serialize_schedule(PatternLock())["class_name"] == "PatternLock"
    assert serialize_schedule(EverySecondStep(0.5))["class_name"] == f"{__name__}>EverySecondStep"


def test_fractions_become_steps_of_the_training():
    schedule = PolynomialDecay(0.0, 0.9, begin_step=0.1, end_step=0.7, frequency=0.05)
    assert schedule.has_fractions
    resolved = schedule.in_steps(100, 300)
    assert (resolved.begin_step, resolved.end_step, resolved.frequency) == (120, 240, 10)
    assert not resolved.has_fractions
    assert resolved == PolynomialDecay(0.0, 0.9, 120, 240, frequency=10)
    assert schedule.end_step == 0.7


def test_fractions_of_any_short_training_reach_the_target():
    schedule = LinearDecay(0.1, 0.5, 0.1, 0.7, frequency=0.01)
    for length in range(1, 30):
        resolved = schedule.in_steps(7, 7 + length)
        assert resolved.frequency == 1
        assert 7 <= resolved.begin_step <= resolved.end_step <= 7 + length
        assert resolved(resolved.end_step) == (True, 0.5)


def test_fractions_that_a_users_class_fixes_become_steps_too():
    assert EverySecondStep(0.5, end_step=0.5).in_steps(0, 40).end_step == 20


def test_steps_and_fractions_mix():
    resolved = PolynomialDecay(0.0, 0.5, begin_step=3, end_step=0.5).in_steps(0, 40)
    assert (resolved.begin_step, resolved.end_step, resolved.frequency) == (3, 20, 100)
    endless = ConstantSparsity(0.5, 0.5, frequency=3).in_steps(0, 40)
    assert (endless.begin_step, endless.end_step) == (20, -1)


def test_steps_and_fractions_that_cross_are_named():
    with pytest.raises(ValueError, match=r"from step 0 to 40 they are 20 and 30.*begin_step=30"):
        PolynomialDecay(0.0, 0.5, begin_step=30, end_step=0.5).in_steps(0, 40)


def test_a_schedule_in_steps_stays_as_it_is():
    schedule = ConstantSparsity(0.5, 3)
    assert not schedule.has_fractions and schedule.in_steps(100, 200) is schedule


def test_fractions_are_not_taken_for_steps():
    schedule = LinearDecay(0.0, 0.5, 0.0, 1.0)
    for call in (schedule, schedule.sparsity):
        with pytest.raises(ValueError, match=r"should count in steps here.*end_step=1\.0"):
            call(3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"begin_step": -1}, "begin_step=-1"),
        ({"begin_step": 1.5}, "begin_step=1.5"),
        ({"begin_step": float("nan")}, "begin_step=nan"),
        ({"begin_step": True}, "begin_step=True"),
        ({"begin_step": "3"}, "begin_step='3'"),
        ({"end_step": 2}, "end_step=2"),
        ({"end_step": -2}, "end_step=-2"),
        ({"begin_step": 0.5, "end_step": 0.25}, "begin_step=0.5, end_step=0.25"),
        ({"frequency": 0}, "frequency=0"),
        ({"frequency": 0.0}, "frequency=0.0"),
        ({"frequency": -1}, "frequency=-1"),
    ],
)
def test_wrong_steps_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConstantSparsity(**{"target_sparsity": 0.5, "begin_step": 5, "end_step": 9, **arguments})


@pytest.mark.parametrize("value", [1.0, 1, -0.1, float("nan"), float("inf"), False, "0.5", None])
def test_wrong_sparsities_are_named(value):
    with pytest.raises(ValueError, match=f"`share` should be .* Received: share={value!r}"):
        check_sparsity("share", value)


def test_right_sparsities_become_floats():
    read = [check_sparsity("share", value) for value in (0, 0.5, np.float32(0.5), np.int8(0))]
    assert read == [0.0, 0.5, 0.5, 0.0] and {type(value) for value in read} == {float}
