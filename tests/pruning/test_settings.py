import pytest

import tfsparse
from tfsparse.pattern import BlockPattern
from tfsparse.pruning.settings import Settings


def test_defaults_are_those_of_the_pattern():
    assert Settings.of().schedule.target == 0.9
    assert Settings.of("2:4").schedule.target == 0.5
    assert Settings.of("1:4").schedule.target == 0.75
    assert Settings.of("channel").schedule.target == 0.9


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"pattern": "2:4"},
        {"pattern": BlockPattern(16, 4), "schedule": 0.75, "regrow": True},
        {
            "pattern": "channel",
            "schedule": tfsparse.ConstantSparsity(0.5, 3),
            "criterion": "max_magnitude",
        },
        {"group_lasso": tfsparse.GroupLasso(0.1, "proximal")},
        {"group_lasso": 0.5, "scope": tfsparse.Scope("global", 0.1, 0.95)},
    ],
)
def test_settings_come_back_from_their_configuration(arguments):
    settings = Settings.of(**arguments)
    assert Settings.of(**settings.get_config()) == settings
    assert Settings.of(**settings.arguments()) == settings
    assert settings.changed() == settings


def test_a_change_leaves_the_rest():
    settings = Settings.of("4x1", 0.75, 0.1, "l1_norm", regrow=True)
    changed = settings.changed(pattern="16x4")
    assert changed.pattern == BlockPattern(16, 4)
    assert changed.arguments() == {**settings.arguments(), "pattern": changed.pattern}
    assert settings.changed(regrow=False).regrow is False


def test_the_sparsity_of_keep_k_of_n_goes_with_the_pattern():
    settings = Settings.of("4x1", 0.75)
    assert settings.changed(pattern="2:4").schedule.target == 0.5
    assert settings.changed(pattern="2:4").changed(pattern="4x1").schedule.target == 0.9
    assert settings.changed(pattern="2:4").changed(pattern="1:4").schedule.target == 0.75


def test_keep_k_of_n_takes_schedules_to_its_own_sparsity_alone():
    assert Settings.of("2:4", 0.5).schedule.target == 0.5
    assert Settings.of("2:4", tfsparse.PatternLock()).schedule.locks
    with pytest.raises(ValueError, match=r"should end at 0\.5, the sparsity of the pattern '2:4'"):
        Settings.of("2:4", 0.75)


def test_the_target_of_a_users_schedule_is_checked():
    class Wrong(tfsparse.ConstantSparsity):
        target = 1.0

    with pytest.raises(ValueError, match=r"`schedule\.target` .* less than 1.*target=1\.0"):
        Settings.of(schedule=Wrong(0.5, 0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": "4x0"}, "pattern='4x0'"),
        ({"schedule": 1.5}, "schedule=1.5"),
        ({"group_lasso": -1}, "group_lasso=-1"),
        ({"criterion": "magic"}, "criterion='magic'"),
        ({"scope": "world"}, "scope='world'"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Settings.of(**arguments)
