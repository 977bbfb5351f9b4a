import numpy as np
import pytest

from tfsparse import BlockPattern, ChannelPattern, NMPattern
from tfsparse.pattern import KernelView, block_sparsity, from_blocks, to_blocks
from tfsparse.pruning.selection import Ranking, elements_per_block, lowest_of_groups, rank, select

SPARSITIES = (0.0, 0.1, 0.5, 0.85, 0.9, 0.999)


def choose(matrix, pattern, sparsity, kept=None):
    """The mask of a matrix (out, in), blocks scored by their norms."""
    view = KernelView.of_dense(matrix.shape[::-1])
    block = pattern.flag_block(matrix.shape)
    scores = np.linalg.norm(to_blocks(matrix[None], block), axis=(-2, -1))
    kept = np.ones_like(scores, dtype=bool) if kept is None else kept[None]
    return select(rank(scores, kept, view, pattern), sparsity)[0]


@pytest.mark.parametrize("shape", [(16, 8), (64, 48), (128, 100)])
@pytest.mark.parametrize("pattern", [BlockPattern(4, 1), BlockPattern(16, 4), BlockPattern(1, 1)])
@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("constant", [False, True])
def test_count_is_exact_under_ties_too(shape, pattern, sparsity, constant):
    matrix = np.ones(shape) if constant else np.random.default_rng(1).standard_normal(shape)
    mask = choose(matrix, pattern, sparsity)
    assert np.count_nonzero(~mask) == min(round(sparsity * mask.size), mask.size - 1)


@pytest.mark.parametrize("shape", [(17, 5), (3, 9), (30, 31), (1, 1), (5, 64)])
@pytest.mark.parametrize("pattern", [BlockPattern(4, 1), BlockPattern(16, 4), BlockPattern(4, 16)])
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_padding_does_not_count(shape, pattern, sparsity):
    matrix = np.random.default_rng(2).uniform(0.5, 1.0, shape)
    mask = choose(matrix, pattern, sparsity)
    flags = np.repeat(np.repeat(mask, pattern.out, 0), pattern.in_, 1)[: shape[0], : shape[1]]
    zeros = np.count_nonzero(~flags)
    largest = elements_per_block(shape, pattern).max()
    if np.count_nonzero(mask) > 1:
        assert abs(zeros - sparsity * matrix.size) <= largest / 2
    else:  # one block is kept, and without it there would be too many zeros rather than too few
        assert zeros - largest / 2 <= sparsity * matrix.size
    assert block_sparsity(matrix * flags, pattern) == pytest.approx(zeros / matrix.size)


@pytest.mark.parametrize(
    ("matrix", "pattern"),
    [
        ([[1.0, 1.0], [3.0, 1.0], [2.0, 2.0]], ChannelPattern()),
        ([[1.0], [2.0]], BlockPattern(1, 1)),
        ([[1.0, np.nan, 3.0]], BlockPattern(1, 1)),
        ([[4.0, 1.0], [4.0, 1.0], [9.0, 1.0]], BlockPattern(2, 1)),
        ([[2.0, 1.0, 2.0]], BlockPattern(1, 1)),
    ],
)
def test_one_block_is_left(matrix, pattern):
    """The one of the highest score, though rounding says that all are to go."""
    matrix = np.array(matrix)
    mask = choose(matrix, pattern, 0.99)
    block = pattern.flag_block(matrix.shape)
    norms = np.linalg.norm(to_blocks(matrix[None], block), axis=(-2, -1))[0]
    last = np.flatnonzero(norms == norms.max() if np.isfinite(norms).all() else np.isnan(norms))[-1]
    assert np.flatnonzero(mask).tolist() == [last]
    # It is the one of those that were left, and where none was left there is none.
    before = np.zeros(mask.shape, bool)
    assert not choose(matrix, pattern, 0.99, before).any()
    before.flat[0] = True
    assert np.flatnonzero(choose(matrix, pattern, 0.99, before)).tolist() == [0]


def test_the_lowest_go_first_and_ties_in_order():
    matrix = np.array([[3.0, 1.0, 1.0, 2.0, 1.0]])
    mask = choose(matrix, BlockPattern(1, 1), 0.4)
    assert mask.tolist() == [[True, False, False, True, True]]


def test_pruned_blocks_stay_pruned_while_the_target_does_not_fall():
    rng = np.random.default_rng(3)
    kept = None
    previous = np.zeros((16, 24), dtype=bool)
    for sparsity in (0.1, 0.3, 0.3, 0.7, 0.9):
        # Fresh weights, as if training had changed everything between updates.
        mask = choose(rng.standard_normal((64, 24)), BlockPattern(4, 1), sparsity, kept)
        assert not mask[previous].any()
        kept, previous = mask, ~mask
    fallen = choose(rng.standard_normal((64, 24)), BlockPattern(4, 1), 0.5, kept)
    assert np.count_nonzero(~fallen) == round(0.5 * fallen.size)
    assert fallen[kept].all()


@pytest.mark.parametrize("shape", [(10, 12), (17, 5), (30, 31)])
@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.85])
def test_the_same_target_gives_the_same_mask(shape, sparsity):
    rng = np.random.default_rng(4)
    kept = choose(rng.standard_normal(shape), BlockPattern(4, 1), sparsity)
    for _ in range(5):
        again = choose(rng.standard_normal(shape), BlockPattern(4, 1), sparsity, kept)
        np.testing.assert_array_equal(again, kept)


def test_non_finite_scores_are_kept():
    scores = np.array([[np.nan, 1.0, np.inf, 2.0]])
    ones = np.ones((1, 4), bool)
    mask = select(Ranking(scores, ones, ones.astype(int), ones), 0.5)
    assert mask.tolist() == [[True, False, True, False]]


def test_elements_per_block_add_up_to_the_matrix():
    sizes = elements_per_block((10, 7), BlockPattern(4, 3))
    assert sizes.tolist() == [[12, 12, 4], [12, 12, 4], [6, 6, 2]]


def test_selection_agrees_with_from_blocks():
    matrix = np.arange(1.0, 13.0).reshape(4, 3)
    mask = choose(matrix, BlockPattern(2, 1), 0.5)
    blocks = to_blocks(matrix, BlockPattern(2, 1)) * mask[:, :, None, None]
    pruned = from_blocks(blocks, matrix.shape)
    assert pruned.tolist() == [[0, 0, 0], [0, 0, 0], [7, 8, 9], [10, 11, 12]]


@pytest.mark.parametrize("shape", [(8, 16), (5, 12), (3, 64)])
@pytest.mark.parametrize("pattern", [NMPattern(2, 4), NMPattern(1, 4), NMPattern(4, 8)])
def test_every_group_keeps_k_of_n_at_the_end(shape, pattern):
    matrix = np.random.default_rng(5).standard_normal(shape)
    full = shape[1] - shape[1] % pattern.of
    mask = choose(matrix, pattern, pattern.sparsity)
    counts = mask[:, :full].reshape(shape[0], -1, pattern.of).sum(axis=-1)
    assert (counts == pattern.keep).all()
    magnitudes = np.abs(matrix[:, :full]).reshape(shape[0], -1, pattern.of)
    best = np.sort(magnitudes, axis=-1)[..., -pattern.keep :].sum()
    assert np.abs(matrix * mask)[:, :full].sum() == pytest.approx(best)


def test_a_group_at_the_edge_prunes_its_padding_first():
    matrix = np.arange(1.0, 8.0)[None]  # 7 inputs: the second group of 4 has 3
    assert choose(matrix, NMPattern(2, 4), 0.5).tolist() == [
        [False, False, True, True, False, True, True]
    ]


def test_groups_fill_up_in_the_order_of_scores_and_stay():
    rng = np.random.default_rng(6)
    kept, previous = None, np.zeros((4, 16), dtype=bool)
    for sparsity in (0.125, 0.25, 0.4375, 0.5, 0.5):
        matrix = rng.standard_normal((4, 16))
        mask = choose(matrix, NMPattern(2, 4), sparsity, kept)
        assert np.count_nonzero(~mask) == sparsity * mask.size
        assert not mask[previous].any()
        kept, previous = mask, ~mask


def test_ties_in_a_group_go_in_order():
    ones = np.ones((1, 8))
    lowest = lowest_of_groups(ones, ones > 0, NMPattern(2, 4))
    assert lowest.tolist() == [[True, True, False, False] * 2]
