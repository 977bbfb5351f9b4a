import functools

import numpy as np
import pytest

from tfsparse.pruning import criterion as module
from tfsparse.pruning.criterion import CRITERIA, Criterion, get_criterion, register_criterion
from tfsparse.pruning.magnitude import l1_norm

BLOCKS = np.arange(-12.0, 12.0).reshape(1, 2, 3, 4, 1)


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(module, "_REGISTERED", {})


def last_element(blocks):
    return blocks[..., -1, -1]


class Element:
    def __call__(self, blocks):
        return blocks[..., 0, 0]

    def method(self, blocks):
        return blocks[..., 0, 0]


def test_names():
    assert set(CRITERIA) == {
        "l1_norm",
        "l2_norm",
        "mean_magnitude",
        "max_magnitude",
        "gradient",
        "gradient_momentum",
    }
    for name, criterion in CRITERIA.items():
        assert get_criterion(name) is criterion and criterion.name == name
        assert get_criterion(criterion) is criterion
        assert criterion.needs_gradients == name.startswith("gradient")
    np.testing.assert_array_equal(CRITERIA["l1_norm"](BLOCKS), l1_norm(BLOCKS))
    sizes = np.full((2, 3), 2)
    np.testing.assert_array_equal(CRITERIA["mean_magnitude"](BLOCKS, sizes), l1_norm(BLOCKS) / 2)


@pytest.mark.parametrize("wrong", ["magic", 3, None])
def test_unknown_criterion_is_named(wrong):
    with pytest.raises(ValueError, match=f"criterion={wrong!r}"):
        get_criterion(wrong)


def test_gradient_criteria_score_no_weights():
    with pytest.raises(ValueError, match="criterion='gradient'"):
        CRITERIA["gradient"](BLOCKS)


def test_a_function_scores_and_is_found_again_by_its_name():
    criterion = get_criterion(last_element)
    assert criterion.name == f"{__name__}>last_element" and not criterion.needs_gradients
    np.testing.assert_array_equal(criterion(BLOCKS, np.ones((2, 3))), BLOCKS[..., -1, -1])
    again = get_criterion(criterion.name)
    assert again == criterion and isinstance(again, Criterion)
    np.testing.assert_array_equal(again(BLOCKS), criterion(BLOCKS))


def test_a_function_that_is_not_registered_cannot_be_loaded():
    with pytest.raises(ValueError, match=r"register_criterion.*criterion='my_module>f'"):
        get_criterion("my_module>f")


def test_registered_as_a_decorator():
    @register_criterion
    def plain(blocks):
        return blocks[..., 0, 0]

    @register_criterion(name="mine>named")
    def named(blocks):
        return blocks[..., 0, 0]

    assert get_criterion(plain).name.endswith(">test_registered_as_a_decorator.<locals>.plain")
    assert get_criterion(named).name == "mine>named"
    assert get_criterion("mine>named")(BLOCKS).shape == (1, 2, 3)
    # Asking for it registers it under no other name.
    assert set(module._REGISTERED) == {get_criterion(plain).name, "mine>named"}


def test_a_function_defined_again_takes_its_place():
    def define(value):
        def criterion(blocks):
            return np.full(blocks.shape[:-2], value)

        criterion.__qualname__ = "criterion"  # as in a module
        return criterion

    name = get_criterion(define(1.0)).name
    register_criterion(define(2.0))
    assert get_criterion(name)(BLOCKS).max() == 2.0


def test_what_may_share_a_name_needs_one_of_its_own():
    pairs = [
        (lambda blocks: blocks[..., 0, 0], lambda blocks: -blocks[..., 0, 0]),
        (Element(), Element()),
        (Element().method, Element().method),
        (functools.partial(last_element), functools.partial(last_element)),
    ]
    for number, (one, other) in enumerate(pairs):
        assert get_criterion(one) == get_criterion(one)
        with pytest.raises(ValueError, match="a name of its own"):
            get_criterion(other)
        register_criterion(other, name=f"other{number}")
        assert get_criterion(other).name == f"other{number}"
        assert get_criterion(one).name != f"other{number}"


def test_refused_registrations():
    with pytest.raises(ValueError, match="name='l2_norm'"):
        register_criterion(last_element, name="l2_norm")
    with pytest.raises(ValueError, match="name=''"):
        register_criterion(last_element, name="")
    with pytest.raises(ValueError, match="function=3"):
        register_criterion(3)


@pytest.mark.parametrize(
    ("function", "received"),
    [
        (lambda blocks: blocks.sum(), r"shape=\(\)"),
        (lambda blocks: blocks, r"shape=\(1, 2, 3, 4, 1\)"),
        (lambda blocks: blocks[..., 0, 0].astype(complex), "dtype=complex128"),
        (lambda blocks: None, r"shape=\(\), dtype=object"),
    ],
)
def test_result_of_a_function_is_checked(function, received):
    with pytest.raises(ValueError, match=rf"\(1, 2, 3\).*lambda.*{received}"):
        get_criterion(function)(BLOCKS)


def test_results_become_float64_of_their_own():
    kept = np.zeros((1, 2, 3), np.float32)
    scores = get_criterion(lambda blocks: kept)(BLOCKS)
    assert scores.dtype == np.float64
    scores += 1
    assert not kept.any()
    register_criterion(lambda blocks: blocks[..., 0, 0] > 0, name="booleans")
    assert get_criterion("booleans")(BLOCKS).max() == 1.0


def test_a_function_can_only_read_and_gets_numbers_it_can_compute_with():
    seen = []

    def squares(blocks):
        seen.append(blocks.dtype)
        return np.square(blocks).sum(axis=(-2, -1))

    low = np.full((1, 2, 3, 4, 1), 300.0, np.float16)
    np.testing.assert_array_equal(get_criterion(squares)(low), np.full((1, 2, 3), 360000.0))
    get_criterion(squares)(BLOCKS)
    assert seen == [np.float32, np.float64]

    def overwrite(blocks):
        blocks[...] = 0.0

    before = BLOCKS.copy()
    with pytest.raises(ValueError, match="read-only"):
        get_criterion(overwrite)(BLOCKS)
    np.testing.assert_array_equal(BLOCKS, before)
    assert BLOCKS.flags.writeable
