import importlib.util
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from tfsparse import ConstantSparsity, PolynomialDecay, PruningSchedule
from tfsparse.pruning.schedules import deserialize_schedule, serialize_schedule


def updates(schedule, steps):
    return [step for step in range(steps) if schedule(step)[0]]


def test_final_update_is_made_where_frequency_misses_the_end():
    schedule = PolynomialDecay(0.0, 0.9, begin_step=0, end_step=19, frequency=10)
    assert updates(schedule, 60) == [0, 10, 19]
    assert schedule.sparsity(19) == 0.9


def test_constant_goes_on_without_an_end():
    assert updates(ConstantSparsity(0.5, begin_step=3, frequency=4), 16) == [3, 7, 11, 15]
    assert updates(ConstantSparsity(0.5, begin_step=3, end_step=9, frequency=4), 16) == [3, 7, 9]


@pytest.mark.parametrize(
    "schedule",
    [
        PolynomialDecay(0.1, 0.8, begin_step=5, end_step=43, frequency=7),
        ConstantSparsity(0.5, begin_step=2, frequency=9),
        ConstantSparsity(0.5, begin_step=2, end_step=17, frequency=9),
    ],
)
def test_last_due_in_a_range_is_the_last_single_step_due(schedule):
    due = updates(schedule, 70)
    for first in range(0, 60, 3):
        for last in range(first, 66, 4):
            expected = [step for step in due if first <= step <= last]
            assert schedule.last_due(first, last) == (expected[-1] if expected else None)


def test_ramp_is_cubic_between_its_ends():
    schedule = PolynomialDecay(0.2, 0.8, begin_step=10, end_step=20)
    assert schedule.sparsity(0) == pytest.approx(0.2)
    assert schedule.sparsity(15) == pytest.approx(0.8 - 0.6 * 0.5**3)
    assert schedule.sparsity(99) == 0.8


def test_fractions_become_steps_of_the_training():
    schedule = PolynomialDecay(0.0, 0.9, begin_step=0.1, end_step=0.7, frequency=0.05)
    assert schedule.has_fractions
    resolved = schedule.in_steps(100, 300)
    assert (resolved.begin_step, resolved.end_step, resolved.frequency) == (120, 240, 10)
    assert not resolved.has_fractions
    assert resolved.sparsity(240) == 0.9


def test_a_fraction_of_a_short_training_is_at_least_one_step():
    assert ConstantSparsity(0.5, 0.0, frequency=0.01).in_steps(0, 10).frequency == 1


def test_steps_and_fractions_mix():
    resolved = PolynomialDecay(0.0, 0.5, begin_step=3, end_step=0.5).in_steps(0, 40)
    assert (resolved.begin_step, resolved.end_step, resolved.frequency) == (3, 20, 100)


class EverySecondStep(PruningSchedule):
    def __init__(self, share):
        super().__init__(0, 10, 2)
        self.share = share

    @property
    def target(self):
        return self.share

    def sparsity(self, step):
        return self.share

    def get_config(self):
        return {"share": self.share}


@pytest.mark.parametrize(
    "schedule",
    [
        PolynomialDecay(0.1, 0.9, 0.1, 0.7, power=2, frequency=0.01),
        ConstantSparsity(0.5, 3, end_step=20, frequency=4),
        EverySecondStep(0.25),
    ],
)
def test_serialization_gives_an_equal_schedule(schedule):
    copy = deserialize_schedule(serialize_schedule(schedule))
    assert copy == schedule and copy is not schedule
    assert repr(copy) == repr(schedule)


def test_different_schedules_are_not_equal():
    assert ConstantSparsity(0.5, 3) != ConstantSparsity(0.5, 4)
    assert ConstantSparsity(0.5, 3) != EverySecondStep(0.5)


def test_unknown_class_is_named():
    with pytest.raises(ValueError, match="class_name='Nowhere'"):
        deserialize_schedule({"class_name": "Nowhere", "config": {}})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"begin_step": -1}, "begin_step=-1"),
        ({"begin_step": 1.5}, "begin_step=1.5"),
        ({"begin_step": True}, "begin_step=True"),
        ({"begin_step": "3"}, "begin_step='3'"),
        ({"end_step": 2}, "end_step=2"),
        ({"end_step": -1}, "end_step=-1"),
        ({"frequency": 0}, "frequency=0"),
        ({"frequency": -1}, "frequency=-1"),
        ({"final_sparsity": 1.0}, "final_sparsity=1.0"),
        ({"final_sparsity": float("nan")}, "final_sparsity=nan"),
        ({"initial_sparsity": -0.1}, "initial_sparsity=-0.1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    good = {"initial_sparsity": 0.0, "final_sparsity": 0.9, "begin_step": 5, "end_step": 9}
    with pytest.raises(ValueError, match=message):
        PolynomialDecay(**{**good, **arguments})


# TensorFlow Model Optimization sets an environment variable when imported, so it
# gets a process of its own. It prints its own values.
_THEIRS = """
    import sys
    import tensorflow_model_optimization as tfmot
    PolynomialDecay = tfmot.sparsity.keras.PolynomialDecay
    for arguments in {cases}:
        schedule = PolynomialDecay(*arguments)
        for step in range(0, arguments[3] + 5):
            due, sparsity = schedule(step)
            print(int(due), float(sparsity.numpy()).hex())
"""


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None,
    reason="tensorflow_model_optimization is not installed",
)
def test_values_equal_those_of_tensorflow_model_optimization_bit_for_bit():
    cases = [(0.0, 0.9, 0, 19, 3, 10), (0.2, 0.85, 7, 307, 3, 13), (0.5, 0.75, 3, 203, 4.5, 1)]
    script = textwrap.dedent(_THEIRS).format(cases=cases)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = [line.split() for line in done.stdout.splitlines()]
    ours, extra = [], 0
    for arguments in cases:
        schedule = PolynomialDecay(*arguments)
        for step in range(0, arguments[3] + 5):
            ours.append((schedule(step), step == arguments[3]))
    assert len(ours) == len(theirs)
    for ((due, sparsity), is_end), (their_due, their_sparsity) in zip(ours, theirs, strict=True):
        assert float(np.float32(sparsity)).hex() == their_sparsity
        assert due == bool(int(their_due)) or is_end
        extra += due and not int(their_due)
    assert extra >= 1  # the final update that (0, 19, 10) leaves out there
