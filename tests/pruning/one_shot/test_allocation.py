import numpy as np
import pytest

from tfsparse.pruning.one_shot.allocation import allocate
from tfsparse.pruning.selection import Ranking


def ranking(scores, size=1, candidates=None):
    scores = np.asarray(scores, float)[None, None]
    ones = np.ones(scores.shape)
    allowed = ones > 0 if candidates is None else np.asarray(candidates)[None, None]
    return Ranking(scores, ones > 0, (ones * size).astype(int), allowed)


def test_the_sum_of_relative_errors_is_the_least_there_is():
    rng = np.random.default_rng(0)
    curves = [np.sort(rng.random(8)) * scale for scale in (1.0, 30.0, 0.2)]
    energies = [curve.sum() * share for curve, share in zip(curves, (2, 3, 9), strict=True)]
    shares = allocate([ranking(curve) for curve in curves], energies, 0.5)
    counts = [round(8 * share) for share in shares]
    assert sum(counts) == 12

    def cost(counts):
        return sum(
            curve[:n].sum() / e for curve, n, e in zip(curves, counts, energies, strict=True)
        )

    others = [(a, b, 12 - a - b) for a in range(9) for b in range(9) if 0 <= 12 - a - b <= 8]
    assert cost(counts) == pytest.approx(min(map(cost, others)))


def test_larger_blocks_are_compared_by_the_element():
    # The same loss buys four zeros in the second kernel and one in the first.
    shares = allocate([ranking([1.0] * 8), ranking([1.5] * 2, size=4)], [1.0, 1.0], 0.5)
    assert shares == [0.0, 1.0]


def test_bounds_hold():
    curves = [ranking(np.arange(1.0, 11.0)), ranking(np.arange(100.0, 110.0))]
    assert allocate(curves, [1.0, 1.0], 0.5) == [1.0, 0.0]
    assert allocate(curves, [1.0, 1.0], 0.5, (0.2, 0.8)) == pytest.approx([0.8, 0.2])


def test_what_a_pattern_allows_is_not_exceeded():
    half = [True, False] * 5
    curves = [ranking(np.ones(10), candidates=half), ranking(np.full(10, 9.0))]
    assert allocate(curves, [1.0, 1.0], 0.5) == pytest.approx([0.5, 0.5])
    with pytest.raises(ValueError, match=r"at most 0\.5"):
        allocate([curves[0], curves[0]], [1.0, 1.0], 0.9)


def test_a_kernel_that_puts_out_nothing_goes_first():
    assert allocate([ranking(np.zeros(4)), ranking(np.ones(4))], [0.0, 4.0], 0.5) == [1.0, 0.0]
