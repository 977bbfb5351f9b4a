import numpy as np
import pytest

from tfsparse.pruning import lowest as module
from tfsparse.pruning.lowest import lowest

RNG = np.random.default_rng(5)
# Below the number that is sorted, and above it.
COUNTS = (1, 10, 1000, 20_000)
SHARES = (0.0, 0.1, 0.5, 0.93, 1.0)

SCORES = {
    "distinct": lambda n: RNG.standard_normal(n),
    "constant": np.zeros,
    "two values": lambda n: RNG.integers(0, 2, n).astype(float),
    "fifty values": lambda n: RNG.integers(0, 50, n).astype(float),
    "nan": lambda n: np.where(RNG.random(n) < 0.3, np.nan, RNG.random(n)),
    "infinite": lambda n: np.where(RNG.random(n) < 0.5, np.inf, RNG.random(n)),
    "float32": lambda n: RNG.standard_normal(n).astype(np.float32),
    "half equal": lambda n: np.maximum(RNG.standard_normal(n), 0.0),
}


def by_sorting(scores, budget, sizes=None, first=None, among=None):
    """The definition: blocks one after the other while that brings them nearer."""
    first = np.zeros(scores.size, bool) if first is None else first
    among = np.ones(scores.size, bool) if among is None else among
    highest = np.finfo(scores.dtype).max
    order = np.lexsort((np.fmin(scores, highest), ~first))
    order = order[(first | among)[order]]
    ends = np.cumsum(np.ones(order.size) if sizes is None else sizes[order])
    if sizes is None:
        count = min(round(budget), order.size)
    else:
        sums = np.concatenate([[0], ends])
        count = int(np.argmin(np.abs(sums - budget)))
        if first.any() and abs(sums[first.sum()] - budget) <= sizes.max() / 2:
            count = first.sum()
    marked = np.zeros(scores.size, bool)
    marked[order[:count]] = True
    return marked


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("count", COUNTS)
def test_marks_what_a_stable_sort_puts_first(kind, count):
    scores = SCORES[kind](count)
    first, among = RNG.random(count) < 0.3, RNG.random(count) < 0.7
    for share in SHARES:
        for options in ({}, {"first": first}, {"among": among}, {"first": first, "among": among}):
            marked = lowest(scores, share * count, **options)
            np.testing.assert_array_equal(marked, by_sorting(scores, share * count, **options))


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("count", COUNTS[1:])
def test_sizes_add_up_to_the_budget(kind, count):
    scores = SCORES[kind](count)
    sizes = RNG.choice([1, 2, 4, 300], count)
    first, among = RNG.random(count) < 0.3, RNG.random(count) < 0.7
    for share in SHARES:
        budget = share * float(sizes.sum())
        for options in ({}, {"first": first}, {"among": among}, {"first": first, "among": among}):
            marked = lowest(scores, budget, sizes, **options)
            expected = by_sorting(scores, budget, sizes, **options)
            np.testing.assert_array_equal(marked, expected)


def test_samples_of_samples():
    scores, sizes = RNG.standard_normal(400_000), RNG.choice([1, 4], 400_000)
    marked = lowest(scores, 240_000)
    np.testing.assert_array_equal(marked, by_sorting(scores, 240_000))
    marked = lowest(scores, 240_000, sizes)
    np.testing.assert_array_equal(marked, by_sorting(scores, 240_000, sizes))


def test_equal_sizes_count_as_one():
    scores = RNG.standard_normal((5, 7))
    sizes = np.full((5, 7), 3)
    np.testing.assert_array_equal(lowest(scores, 30, sizes), lowest(scores, 10))
    np.testing.assert_array_equal(lowest(scores, 30, np.array(3)), lowest(scores, 10))
    # Halves are rounded as Python rounds them.
    assert lowest(scores, 2.5).sum() == 2 and lowest(scores, 3.5).sum() == 4
    # Also where some are taken already.
    first = np.zeros((5, 7), bool)
    first[0, 0] = True
    assert lowest(scores, 2.5, first=first).sum() == 2


def test_sizes_broadcast_over_a_stack():
    scores, sizes = RNG.standard_normal((2, 3, 4)), np.array([[4], [4], [2]])
    marked = lowest(scores, 20, sizes)
    whole = np.broadcast_to(sizes, scores.shape)
    assert abs(whole[marked].sum() - 20) <= 2
    np.testing.assert_array_equal(marked, lowest(scores, 20, np.array(whole)))


def test_the_same_budget_asks_for_no_change():
    sizes = RNG.choice([2, 4], 100)
    marked = lowest(RNG.standard_normal(100), 0.37 * sizes.sum(), sizes)
    for _ in range(20):
        again = lowest(RNG.standard_normal(100), 0.37 * sizes.sum(), sizes, first=marked)
        np.testing.assert_array_equal(again, marked)
        assert again is not marked


@pytest.mark.parametrize("count", [100, 100_000])
def test_first_come_first_even_if_they_score_high(count):
    scores = np.arange(float(count))
    first = scores >= count - 40
    fewer, more = lowest(scores, 30, first=first), lowest(scores, 50, first=first)
    assert not fewer[~first].any() and fewer.sum() == 30
    assert more[first].all() and more[:10].all() and more.sum() == 50


def test_budget_beyond_what_there_is():
    among = np.array([True, False, True])
    assert lowest(np.ones(3), 9).all()
    assert lowest(np.ones(3), 9, among=among).tolist() == among.tolist()
    scores = np.array([np.nan, 1.0, np.inf])
    assert lowest(scores, 9, np.array([1, 2, 3]), among=among).tolist() == among.tolist()
    assert lowest(np.zeros((0, 4)), 0.0).shape == (0, 4)
    assert lowest(np.zeros((0, 4)), 0.0, np.zeros((0, 4), int)).shape == (0, 4)


def test_layout_does_not_matter():
    scores = np.asfortranarray(RNG.integers(0, 4, (300, 200)).astype(float))
    first = np.asfortranarray(RNG.random((300, 200)) < 0.2)
    marked = lowest(scores, 20_000, first=first)
    expected = lowest(np.ascontiguousarray(scores), 20_000, first=np.ascontiguousarray(first))
    np.testing.assert_array_equal(marked, expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_sample_that_misleads_costs_time_only(monkeypatch, weighted):
    scores = RNG.standard_normal(50_000)
    sizes = RNG.choice([1, 5], 50_000) if weighted else None
    budget = 0.4 * (50_000 if sizes is None else sizes.sum())
    expected = by_sorting(scores, budget, sizes)
    brackets = []

    def mislead(values, weights, budget, margin):
        brackets.append(margin)
        middle = np.median(values)
        return [(middle, np.inf), (-np.inf, middle - 1.0)][len(brackets) % 2]

    monkeypatch.setattr(module, "_bracket", mislead)
    np.testing.assert_array_equal(lowest(scores, budget, sizes), expected)
    assert len(brackets) > 1
