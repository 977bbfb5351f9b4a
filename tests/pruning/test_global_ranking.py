import numpy as np
import pytest

from tfsparse.pruning.global_ranking import select_globally
from tfsparse.pruning.selection import Ranking, select

RNG = np.random.default_rng(11)
SPARSITIES = (0.0, 0.1, 0.5, 0.77, 0.95)


def ranking(scores, sizes=1, kept=None, candidates=None):
    scores = np.asarray(scores)
    scores = scores.reshape(1, 1, -1) if scores.ndim < 3 else scores
    everything = np.ones(scores.shape, bool)
    return Ranking(
        scores,
        everything if kept is None else kept,
        np.broadcast_to(np.asarray(sizes), scores.shape),
        everything if candidates is None else candidates,
    )


def kernels(*counts, spread=2.0):
    return [RNG.lognormal(RNG.normal(0.0, 5.0), spread, count) for count in counts]


def with_kept(rankings, kept):
    return [
        ranking(r.scores, r.sizes, k, r.candidates) for r, k in zip(rankings, kept, strict=True)
    ]


def pruned(rankings, kept):
    """Elements that are pruned in each kernel."""
    return [int(r.sizes[~k].sum()) for r, k in zip(rankings, kept, strict=True)]


def lamp(weights):
    """The score of Lee et al., word for word: squares over sums of those not smaller."""
    order = np.argsort(weights)
    squares = np.square(weights[order])
    scores = np.empty(weights.size)
    scores[order] = [squares[u] / squares[u:].sum() for u in range(weights.size)]
    return scores


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_single_elements_are_ranked_by_lamp(sparsity):
    weights = kernels(30, 7, 120)
    order = np.argsort(np.concatenate([lamp(kernel) for kernel in weights]))
    expected = np.ones(157, bool)
    expected[order[: round(sparsity * 157)]] = False
    kept = select_globally([ranking(kernel) for kernel in weights], sparsity)
    np.testing.assert_array_equal(np.concatenate([k.ravel() for k in kept]), expected)


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("sizes", [4, RNG.choice([2, 4], 50)], ids=["equal", "unequal"])
def test_a_kernel_alone_is_ranked_as_it_is_locally(sparsity, sizes):
    one = ranking(np.round(RNG.lognormal(0.0, 1.0, 50), 1), sizes)
    kept = select_globally([one], sparsity)[0]
    np.testing.assert_array_equal(kept, select(one, sparsity))
    later = with_kept([one], [kept])[0]
    more = select_globally([later], (1.0 + sparsity) / 2)[0]
    np.testing.assert_array_equal(more, select(later, (1.0 + sparsity) / 2))


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_units_of_scores_do_not_matter(sparsity):
    weights = kernels(40, 60)
    expected = select_globally([ranking(kernel) for kernel in weights], sparsity)
    scaled = [ranking(weights[0] * 1e200), ranking(weights[1] * 1e-30)]
    for kept, other in zip(select_globally(scaled, sparsity), expected, strict=True):
        np.testing.assert_array_equal(kept, other)


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.0, 0.97), (0.05, 0.96)])
def test_total_is_exact(sparsity, bounds):
    sparsity = max(sparsity, bounds[0])
    equal = [ranking(np.round(kernel, 1), 4) for kernel in kernels(128, 40, 1000)]
    kept = select_globally(equal, sparsity, *bounds)
    assert sum(pruned(equal, kept)) == 4 * round(sparsity * 1168)
    unequal = [
        ranking(np.round(kernels(200)[0], 1), RNG.choice([1, 2, 4], 200)),
        ranking(kernels(100)[0], 64),
        ranking(kernels(300)[0]),
    ]
    elements = sum(int(r.sizes.sum()) for r in unequal)
    kept = select_globally(unequal, sparsity, *bounds)
    assert abs(sum(pruned(unequal, kept)) - sparsity * elements) <= 32


def test_ties_go_in_row_order_and_kernels_in_theirs():
    kept = select_globally([ranking(np.ones(4)), ranking(np.ones(4))], 0.5)
    # The last of four equal blocks are a greater share of what is left, so both lose two.
    assert [k.ravel().tolist() for k in kept] == [[False, False, True, True]] * 2
    kept = select_globally([ranking(np.zeros(4)), ranking(np.zeros(4))], 0.5)
    assert pruned([ranking(np.zeros(4))] * 2, kept) == [4, 0]


def test_larger_blocks_count_by_the_element():
    # The same weights, once in blocks of four elements and once in blocks of one.
    norms = np.repeat(RNG.lognormal(0.0, 1.0, 100), 4)
    single = ranking(norms)
    blocks = ranking(np.sqrt(np.square(norms).reshape(-1, 4).sum(axis=1)), 4)
    lost = pruned([single, blocks], select_globally([single, blocks], 0.6))
    assert abs(lost[0] - lost[1]) <= 8


def test_pruned_blocks_stay_pruned_while_the_target_does_not_fall():
    rankings = [ranking(kernel, 4) for kernel in kernels(64, 200, 30)]
    kept = [r.kept for r in rankings]
    for sparsity in (0.1, 0.3, 0.3, 0.7, 0.9):
        before = kept
        fresh = [ranking(kernel, 4) for kernel in kernels(64, 200, 30)]
        kept = select_globally(with_kept(fresh, before), sparsity)
        assert all(not k[~b].any() for k, b in zip(kept, before, strict=True))
        assert sum(pruned(rankings, kept)) == 4 * round(sparsity * 294)
    fallen = select_globally(with_kept(rankings, kept), 0.45)
    assert sum(pruned(rankings, fallen)) == 4 * round(0.45 * 294)
    assert all(f[k].all() for f, k in zip(fallen, kept, strict=True))
    for now, before in zip(pruned(rankings, fallen), pruned(rankings, kept), strict=True):
        assert abs(now - before / 2) <= 4


def test_the_same_target_gives_the_same_masks_where_blocks_differ():
    sizes = [RNG.choice([2, 4], 100), RNG.choice([16, 64], 30)]
    first = [ranking(k, s) for k, s in zip(kernels(100, 30), sizes, strict=True)]
    kept = select_globally(first, 0.43)
    for _ in range(5):
        again = [ranking(k, s) for k, s in zip(kernels(100, 30), sizes, strict=True)]
        for one, other in zip(select_globally(with_kept(again, kept), 0.43), kept, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("sizes", [4, "unequal"])
def test_bounds_hold_for_every_kernel(sizes):
    # A kernel of a few large weights, one of noise, and one that is nearly zero already.
    weights = [kernels(50, spread=4.0)[0], kernels(200, spread=0.1)[0], np.zeros(30)]
    rankings = [
        ranking(kernel, RNG.choice([2, 4], kernel.size) if sizes == "unequal" else sizes)
        for kernel in weights
    ]
    for low, high in ((0.0, 0.75), (0.5, 0.75), (0.65, 0.7)):
        lost = pruned(rankings, select_globally(rankings, 0.7, low, high))
        whole = [int(r.sizes.sum()) for r in rankings]
        for count, elements in zip(lost, whole, strict=True):
            assert low * elements - 4 <= count <= high * elements
        assert abs(sum(lost) - 0.7 * sum(whole)) <= 4 * len(lost)


def test_bounds_in_small_kernels_round_so_that_none_dies():
    rankings = [ranking(np.array([1e-9] * 8)), ranking(np.full(1000, 5.0))]
    assert pruned(rankings, select_globally(rankings, 0.5, 0.0, 0.99))[0] <= 7
    dead = [ranking(np.zeros(8)), ranking(np.full(1000, 5.0))]
    assert pruned(dead, select_globally(dead, 0.5, 0.0, 0.99)) == [7, 497]
    assert pruned(dead, select_globally(dead, 0.5, 0.0, 1.0)) == [8, 496]
    few = [ranking(np.full(8, 5.0)), ranking(np.zeros(1000))]
    assert pruned(few, select_globally(few, 0.5, 0.1, 1.0)) == [1, 503]
    assert pruned(few, select_globally(few, 0.9, 0.9, 0.9)) == [7, 900]


def test_blocks_pruned_beyond_the_bound_stay_pruned():
    kept = np.array([[[False] * 18 + [True] * 12]])
    # What it has left would go next, were it not for the bound.
    rankings = [ranking(np.zeros(30), 4, kept), ranking(np.arange(30.0), 4)]
    for sparsity in (0.32, 0.5):
        chosen = select_globally(rankings, sparsity, 0.0, 0.5)
        assert pruned(rankings, chosen) == [72, round(60 * sparsity) * 4 - 72]
    # They also make up for kernels that cannot lose as much.
    candidates = np.array([[[True] * 9 + [False] * 21]])
    rankings[1] = ranking(np.arange(30.0), 4, None, candidates)
    assert pruned(rankings, select_globally(rankings, 0.45, 0.0, 0.5)) == [72, 36]


def test_only_candidates_are_pruned():
    candidates = np.tile([True, False], 20).reshape(1, 1, 40)
    rankings = [ranking(RNG.lognormal(0, 1, 40), 1, None, candidates), ranking(kernels(60)[0])]
    for sparsity in (0.2, 0.79):
        kept = select_globally(rankings, sparsity)
        assert kept[0][~candidates].all()
        assert sum(pruned(rankings, kept)) == round(sparsity * 100)
    with pytest.raises(ValueError, match=r"at most 0\.8, .*sparsity=0\.85"):
        select_globally(rankings, 0.85)


def test_what_is_no_candidate_counts_among_what_is_left():
    # Half of the first kernel stays, and with it most of what the kernel is.
    candidates = np.array([[[True] * 4 + [False] * 4]])
    stays = ranking([1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0], 1, None, candidates)
    alone = ranking([1.0, 1.0, 1.0, 1.0])
    assert pruned([stays, alone], select_globally([stays, alone], 4 / 12)) == [4, 0]


def test_scores_that_are_no_numbers_are_kept():
    odd = ranking(np.array([np.nan, 1.0, np.inf, 2.0]))
    kept = select_globally([odd, ranking([3.0, 3.0, 3.0, 3.0])], 0.75)
    assert kept[0].ravel().tolist() == [True, False, True, False]
    assert np.count_nonzero(~kept[1]) == 4
    unequal = ranking(np.array([np.nan, 1.0, np.inf, 2.0]), [1, 2, 1, 1])
    assert select_globally([unequal], 0.6)[0].ravel().tolist() == [True, False, True, False]


@pytest.mark.parametrize("bounds", [(0.6, 1.0), (0.0, 0.4), (0.4, 0.45), (-0.1, 1.0), (0.0, 1.1)])
def test_bounds_that_exclude_the_target_are_named(bounds):
    with pytest.raises(ValueError, match=f"sparsity=0.5, min_sparsity={bounds[0]}"):
        select_globally([ranking(np.ones(4))], 0.5, *bounds)


def test_negative_scores_are_named():
    with pytest.raises(ValueError, match=r"a score of -2\.0"):
        select_globally([ranking([1.0, -2.0])], 0.5)
    candidates = np.array([[[True, False]]])
    with pytest.raises(ValueError, match=r"a score of -2\.0"):
        select_globally([ranking([1.0, -2.0], 1, None, candidates)], 0.5)


def test_float32_scores_and_the_shape_of_masks():
    rankings = [
        ranking(RNG.random((2, 3, 4)).astype(np.float32)),
        ranking(RNG.random((1, 8, 2)).astype(np.float32)),
    ]
    kept = select_globally(rankings, 0.5)
    assert [k.shape for k in kept] == [(2, 3, 4), (1, 8, 2)]
    assert all(k.dtype == bool for k in kept) and sum(pruned(rankings, kept)) == 20
