import itertools

import numpy as np
import pytest

from tfsparse.pruning.rearrangement.grouping import grouped, kept_share


def planted(groups, size, inputs, seed=0):
    """Rows of which `size` each need the same half of the inputs, shuffled."""
    rng = np.random.default_rng(seed)
    needs = np.stack([rng.permutation(inputs) < inputs // 2 for _ in range(groups)])
    needs = np.repeat(needs, size, axis=0)
    return (needs * (0.5 + rng.random(needs.shape)))[rng.permutation(groups * size)]


def partitions(rows, size):
    """All ways to put rows into groups."""
    if not rows:
        yield []
        return
    first, others = rows[0], rows[1:]
    for group in itertools.combinations(others, size - 1):
        left = [row for row in others if row not in group]
        yield from ([first, *group, *more] for more in partitions(left, size))


@pytest.mark.parametrize("size", [2, 4, 8])
def test_rows_that_belong_together_are_found(size):
    squares = planted(6, size, 64)
    order = grouped([squares], size, 0.5)
    assert sorted(order) == list(range(6 * size))
    assert kept_share(squares[order], size, 1, 0.5) > 0.97
    assert kept_share(squares, size, 1, 0.5) < 0.9


@pytest.mark.parametrize("seed", range(5))
def test_it_is_close_to_the_best_of_all_orders(seed):
    squares = np.square(np.random.default_rng(seed).standard_normal((8, 12)))
    best = max(kept_share(squares[o], 2, 1, 0.5) for o in partitions(list(range(8)), 2))
    found = kept_share(squares[grouped([squares], 2, 0.5)], 2, 1, 0.5)
    assert found >= 0.97 * best


def test_kernels_with_one_order_both_gain():
    one = planted(8, 4, 64)
    other = np.concatenate([one[:, ::-1], one], axis=1) * 1e6
    order = grouped([one, other], 4, 0.5)
    for squares in (one, other):
        assert kept_share(squares[order], 4, 1, 0.5) > kept_share(squares, 4, 1, 0.5) + 0.1


def test_rows_that_fill_no_group_are_last():
    squares = np.ones((10, 3))
    squares[[4, 7]] = 0.1
    order = grouped([squares], 4, 0.5)
    assert sorted(order) == list(range(10)) and set(order[8:]) == {4, 7}


def test_share_that_is_kept_counts_whole_blocks():
    squares = np.array([[1.0, 9], [1, 9], [4, 0], [4, 0]])
    assert kept_share(squares, 2, 1, 0.5) == pytest.approx(26 / 28)
    assert kept_share(squares, 4, 1, 0.5) == pytest.approx(18 / 28)
    assert kept_share(np.zeros((4, 4)), 2, 2, 0.5) == 1.0
