import itertools

import numpy as np
import pytest

from tfsparse.pruning.time_budget import least_error


def brute_force(errors, times, budget):
    found = []
    for choice in itertools.product(*(range(len(one)) for one in errors)):
        if sum(one[j] for one, j in zip(times, choice, strict=True)) <= budget:
            found.append(sum(one[j] for one, j in zip(errors, choice, strict=True)))
    return min(found)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_brute_force_finds(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, 5)
    # Whole times, so that nothing is lost by rounding.
    times = [rng.integers(1, 50, size).tolist() for size in sizes]
    errors = [rng.random(size).tolist() for size in sizes]
    fastest = sum(map(min, times))
    budget = fastest + float(rng.choice([0, 1, 5, 20, 50, 100]))
    chosen = least_error(errors, times, budget)
    assert sum(one[j] for one, j in zip(times, chosen, strict=True)) <= budget
    found = sum(one[j] for one, j in zip(errors, chosen, strict=True))
    assert found == pytest.approx(brute_force(errors, times, budget))


def test_a_budget_is_kept_where_times_are_rounded():
    rng = np.random.default_rng(0)
    times, errors = rng.random((40, 20)), rng.random((40, 20))
    budget = times.min(axis=1).sum() * 1.3
    chosen = least_error(errors, times, budget)
    assert times[np.arange(40), chosen].sum() <= budget


def test_a_budget_that_nothing_fits_into_is_named():
    with pytest.raises(ValueError, match=r"`budget` should be at least 3.*Received: budget=2.5"):
        least_error([[0.0], [0.0, 1.0]], [[1.0], [4.0, 2.0]], 2.5)
