import numpy as np
import pytest

from tfsparse import BlockPattern
from tfsparse.pattern import block_sparsity, from_blocks, to_blocks
from tfsparse.pruning.criterion import CRITERIA, get_criterion, l2_norm
from tfsparse.pruning.selection import elements_per_block, select_blocks

SPARSITIES = (0.0, 0.1, 0.5, 0.85, 0.9, 0.999)


def choose(matrix, pattern, sparsity, kept=None):
    scores = l2_norm(to_blocks(matrix, pattern))
    sizes = elements_per_block(matrix.shape, pattern)
    kept = np.ones_like(scores, dtype=bool) if kept is None else kept
    return select_blocks(scores, kept, sizes, sparsity)


@pytest.mark.parametrize("shape", [(16, 8), (64, 48), (128, 100)])
@pytest.mark.parametrize("pattern", [BlockPattern(4, 1), BlockPattern(16, 4), BlockPattern(1, 1)])
@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("constant", [False, True])
def test_count_is_exact_under_ties_too(shape, pattern, sparsity, constant):
    matrix = np.ones(shape) if constant else np.random.default_rng(1).standard_normal(shape)
    mask = choose(matrix, pattern, sparsity)
    assert np.count_nonzero(~mask) == round(sparsity * mask.size)


@pytest.mark.parametrize("shape", [(17, 5), (3, 9), (30, 31), (1, 1), (5, 64)])
@pytest.mark.parametrize("pattern", [BlockPattern(4, 1), BlockPattern(16, 4), BlockPattern(4, 16)])
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_padding_does_not_count(shape, pattern, sparsity):
    matrix = np.random.default_rng(2).uniform(0.5, 1.0, shape)
    mask = choose(matrix, pattern, sparsity)
    flags = np.repeat(np.repeat(mask, pattern.out, 0), pattern.in_, 1)[: shape[0], : shape[1]]
    zeros = np.count_nonzero(~flags)
    largest = elements_per_block(shape, pattern).max()
    assert abs(zeros - sparsity * matrix.size) <= largest / 2
    assert block_sparsity(matrix * flags, pattern) == pytest.approx(zeros / matrix.size)


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
    mask = select_blocks(scores, np.ones((1, 4), bool), np.ones((1, 4), int), 0.5)
    assert mask.tolist() == [[True, False, True, False]]


def test_elements_per_block_add_up_to_the_matrix():
    sizes = elements_per_block((10, 7), BlockPattern(4, 3))
    assert sizes.tolist() == [[12, 12, 4], [12, 12, 4], [6, 6, 2]]


def test_norm_survives_float16_and_sees_padding_as_nothing():
    matrix = np.full((5, 2), 300.0, dtype=np.float16)
    norms = l2_norm(to_blocks(matrix, BlockPattern(4, 1)))
    np.testing.assert_array_equal(norms, [[600.0, 600.0], [300.0, 300.0]])


def test_unknown_criterion_is_named():
    assert get_criterion("l2_norm") is CRITERIA["l2_norm"]
    with pytest.raises(ValueError, match="criterion='magic'"):
        get_criterion("magic")


def test_selection_agrees_with_from_blocks():
    matrix = np.arange(1.0, 13.0).reshape(4, 3)
    mask = choose(matrix, BlockPattern(2, 1), 0.5)
    blocks = to_blocks(matrix, BlockPattern(2, 1)) * mask[:, :, None, None]
    pruned = from_blocks(blocks, matrix.shape)
    assert pruned.tolist() == [[0, 0, 0], [0, 0, 0], [7, 8, 9], [10, 11, 12]]
