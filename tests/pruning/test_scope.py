import pytest

from tfsparse.pruning.scope import Scope, as_scope


def test_default_bounds_leave_a_tenth_of_what_is_left_on_average():
    assert Scope("global").bounds(0.9) == (0.0, 0.99)
    assert Scope("global").bounds(0.0) == (0.0, 0.9)
    assert Scope("global", 0.5, 0.95).bounds(0.9) == (0.5, 0.95)
    assert Scope("global", 0.5, 0.95).bounds(0.3) == (0.3, 0.95)
    Scope("global").check_target(0.9999)
    Scope("local").check_target(0.9999)
    with pytest.raises(ValueError, match=r"max_sparsity=0\.9, target=0\.95"):
        Scope("global", max_sparsity=0.9).check_target(0.95)


def test_configuration():
    scope = Scope("global", 0.1, 0.9)
    assert as_scope(scope) is scope
    assert as_scope(scope.get_config()) == scope
    assert as_scope("global") == Scope("global") != Scope()
    assert hash(as_scope(scope.get_config())) == hash(scope)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("everywhere",), "one of.*Received: scope='everywhere'"),
        ((3,), "one of.*Received: scope=3"),
        (("local", 0.1), "global ranking only.*min_sparsity=0.1"),
        (("local", 0.0, 0.9), "global ranking only.*max_sparsity=0.9"),
        (("global", 0.9, 0.1), "min_sparsity=0.9, max_sparsity=0.1"),
        (("global", -0.1), "min_sparsity=-0.1"),
        (("global", 0.0, 1.5), "max_sparsity=1.5"),
        (("global", "much"), "min_sparsity='much'"),
        (("global", 0.0, True), "max_sparsity=True"),
    ],
)
def test_refused_scopes(arguments, message):
    with pytest.raises(ValueError, match=message):
        Scope(*arguments)
