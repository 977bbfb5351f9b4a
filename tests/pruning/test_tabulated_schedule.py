import pytest

from tfsparse.pruning.tabulated_schedule import TabulatedSchedule


def test_finds_updates_in_ranges():
    schedule = TabulatedSchedule([2, 5, 11], [0.1, 0.2, 0.3])
    assert schedule.last_due(0, 1) is None
    assert schedule.last_due(0, 7) == 5
    assert schedule.last_due(6, 10) is None
    assert schedule.last_due(6, 99) == 11


def test_sparsity_is_that_of_the_update_before():
    schedule = TabulatedSchedule([2, 5, 11], [0.1, 0.2, 0.3])
    assert [schedule.sparsity(step) for step in (0, 2, 4, 5, 10, 11, 99)] == [
        *(0.1, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3)
    ]


def test_does_not_share_its_lists():
    steps = [2, 5]
    schedule = TabulatedSchedule(steps, [0.1, 0.2])
    steps.append(0)
    schedule.get_config()["steps"].append(0)
    assert schedule == TabulatedSchedule([2, 5], [0.1, 0.2])


@pytest.mark.parametrize(
    ("steps", "sparsities", "message"),
    [
        ([1, 2], [0.5], r"same length.*steps=\[1, 2\]"),
        ([], [], "same length, at least 1"),
        ([1, 1], [0.5, 0.6], r"`steps` should ascend. Received: steps=\[1, 1\]"),
        ([3, 1], [0.5, 0.6], "ascend"),
        ([-3, 1], [0.5, 0.6], "`begin_step` should be .* begin_step=-3"),
        ([1, 2], [0.5, 1.0], "`sparsities` should be .* sparsities=1.0"),
    ],
)
def test_wrong_lists_are_named(steps, sparsities, message):
    with pytest.raises(ValueError, match=message):
        TabulatedSchedule(steps, sparsities)
