from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.pruning.constant_schedules import ConstantSparsity, PatternLock
from tfsparse.pruning.ramps import PolynomialDecay
from tfsparse.pruning.schedule_adapter import as_schedule
from tfsparse.pruning.schedules import deserialize_schedule, serialize_schedule

from .schedule_cases import CLASSES, schedules


def foreign(name, config, module="tensorflow_model_optimization.python.core", **attributes):
    """An object shaped as a schedule of TensorFlow Model Optimization."""
    methods = {
        "get_config": lambda self: {"class_name": name, "config": config},
        "__call__": lambda self, step: (
            tf.equal(step % config["frequency"], 0),
            tf.constant(0.01) * tf.cast(step, tf.float32),
        ),
        "__module__": module,
    }
    return type(name, (), {**methods, **config, **attributes})()


def test_bare_number_is_a_cubic_ramp_over_the_training():
    schedule = as_schedule(0.85)
    assert isinstance(schedule, PolynomialDecay)
    assert (schedule.target, schedule.power, schedule.initial_sparsity) == (0.85, 3, 0.0)
    assert (schedule.begin_step, schedule.end_step, schedule.frequency) == (0.1, 0.7, 0.01)


@pytest.mark.parametrize("number", [0.5, np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_numbers_of_any_type_are_read(number):
    assert as_schedule(number) == as_schedule(0.5)


def test_zero_is_a_number_too():
    assert as_schedule(0) == as_schedule(0.0)
    assert as_schedule(0).target == 0.0


@pytest.mark.parametrize("number", [1, 1.0, -0.1, 100, float("nan"), float("inf")])
def test_a_number_that_is_no_sparsity_is_named(number):
    with pytest.raises(ValueError, match=f"`schedule` should be .* Received: schedule={number!r}"):
        as_schedule(number)


def test_a_percentage_is_answered_with_the_share():
    with pytest.raises(ValueError, match=r"For 90% write 0\.9\. Received: schedule=90"):
        as_schedule(90)
    with pytest.raises(ValueError, match=r"^((?!%).)*$"):
        as_schedule(1)


@pytest.mark.parametrize("cls", CLASSES)
def test_own_schedule_is_kept(cls):
    (schedule,) = schedules(cls, 1)
    assert as_schedule(schedule) is schedule


def test_stock_schedules_are_recognised_and_count_in_steps():
    ramp = {
        "initial_sparsity": 0.0,
        "final_sparsity": 0.9,
        "power": 3,
        "begin_step": 0.0,  # their tutorials make steps with np.ceil
        "end_step": 19.0,
        "frequency": 10,
    }
    assert as_schedule(foreign("PolynomialDecay", ramp)) == PolynomialDecay(
        0.0, 0.9, 0, 19, frequency=10
    )
    constant = {"target_sparsity": 0.5, "begin_step": 3, "end_step": -1, "frequency": 7}
    assert as_schedule(foreign("ConstantSparsity", constant)) == ConstantSparsity(0.5, 3, -1, 7)


def test_custom_foreign_schedule_is_tabulated():
    custom = foreign("Mine", {"begin_step": 10, "end_step": 23, "frequency": 5}, module="user")
    schedule = as_schedule(custom)
    assert [step for step in range(60) if schedule(step)[0]] == [10, 15, 20, 23]
    assert schedule.sparsity(17) == pytest.approx(0.15)
    assert schedule.target == pytest.approx(0.23)
    assert deserialize_schedule(serialize_schedule(schedule)) == schedule


@pytest.mark.parametrize(
    "schedule", ["0.9", True, None, object(), lambda step: 0.5, PatternLock, [0.5]]
)
def test_anything_else_is_named_beside_all_that_is_allowed(schedule):
    with pytest.raises(ValueError, match=r"should be .* Received: schedule=") as error:
        as_schedule(schedule)
    for cls in CLASSES:
        assert cls.__name__ in str(error.value) or cls.__name__ == "TabulatedSchedule"


def test_custom_schedule_without_an_end_is_refused():
    endless = foreign("Mine", {"begin_step": 0, "end_step": -1, "frequency": 5}, module="user")
    with pytest.raises(ValueError, match="end_step` should be set"):
        as_schedule(endless)
