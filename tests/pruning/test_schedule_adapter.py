import pytest
import tensorflow as tf

from tfsparse import ConstantSparsity, PolynomialDecay
from tfsparse.pruning.schedule_adapter import TabulatedSchedule, as_schedule
from tfsparse.pruning.schedules import deserialize_schedule, serialize_schedule


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


def test_bare_float_is_a_cubic_ramp_over_the_training():
    schedule = as_schedule(0.85)
    assert isinstance(schedule, PolynomialDecay)
    assert (schedule.target, schedule.power, schedule.initial_sparsity) == (0.85, 3, 0.0)
    assert (schedule.begin_step, schedule.end_step) == (0.1, 0.7)


def test_own_schedule_is_kept():
    schedule = ConstantSparsity(0.5, 0)
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


def test_tabulated_schedule_finds_updates_in_ranges():
    schedule = TabulatedSchedule([2, 5, 11], [0.1, 0.2, 0.3])
    assert schedule.last_due(0, 1) is None
    assert schedule.last_due(0, 7) == 5
    assert schedule.last_due(6, 10) is None
    assert schedule.last_due(6, 99) == 11


@pytest.mark.parametrize("schedule", ["0.9", True, None, object(), lambda step: 0.5])
def test_anything_else_is_named(schedule):
    with pytest.raises(ValueError, match="`schedule` should be"):
        as_schedule(schedule)


def test_custom_schedule_without_an_end_is_refused():
    endless = foreign("Mine", {"begin_step": 0, "end_step": -1, "frequency": 5}, module="user")
    with pytest.raises(ValueError, match="end_step` should be set"):
        as_schedule(endless)


def test_tabulated_schedule_checks_its_lists():
    with pytest.raises(ValueError, match="same length"):
        TabulatedSchedule([1, 2], [0.5])
