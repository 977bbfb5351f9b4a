import numpy as np
import pytest
import tensorflow as tf

from tfsparse import BlockPattern
from tfsparse.pattern import to_blocks
from tfsparse.pruning import magnitude
from tfsparse.pruning.magnitude import l1_norm, l2_norm, max_magnitude, mean_magnitude
from tfsparse.pruning.selection import elements_per_block

RNG = np.random.default_rng(3)
AXES = (-2, -1)
FORMULAS = {
    l1_norm: lambda blocks, sizes: np.abs(blocks).sum(AXES),
    l2_norm: lambda blocks, sizes: np.sqrt(np.square(blocks).sum(AXES)),
    mean_magnitude: lambda blocks, sizes: np.abs(blocks).sum(AXES) / sizes,
    max_magnitude: lambda blocks, sizes: np.abs(blocks).max(AXES),
}


@pytest.fixture(params=["one tile", "small tiles", "threads"])
def cut(request, monkeypatch):
    """Ways in which a kernel is cut into tiles."""
    if request.param != "one tile":
        monkeypatch.setattr(magnitude, "_TILE", 40)
    monkeypatch.setattr(magnitude, "_LARGE", 1 if request.param == "threads" else 1 << 60)


@pytest.mark.parametrize("criterion", FORMULAS)
@pytest.mark.parametrize("block", [(1, 1), (4, 1), (2, 3), (16, 4), (1, 50)])
@pytest.mark.parametrize("groups", [1, 3])
def test_formula(criterion, block, groups, cut):
    pattern = BlockPattern(*block)
    # As Dense stores it: the matrix (out, in) is a transposed view.
    matrices = np.swapaxes(RNG.standard_normal((groups, 50, 37)).astype(np.float32), 1, 2)
    sizes = elements_per_block((37, 50), pattern)
    for stored in (matrices, np.ascontiguousarray(matrices)):
        blocks = to_blocks(stored, pattern)
        scores = criterion(blocks, sizes)
        expected = FORMULAS[criterion](blocks.astype(np.float64), sizes)
        assert scores.dtype == np.float64
        np.testing.assert_allclose(scores, expected, rtol=1e-14)


@pytest.mark.parametrize("criterion", FORMULAS)
def test_equal_blocks_score_equal_wherever_they_lie(criterion, monkeypatch):
    monkeypatch.setattr(magnitude, "_TILE", 3000)
    # One row of blocks more than fits, so that the last tile has a single block.
    row = RNG.standard_normal(900) * 10.0 ** RNG.integers(-8, 8, 900)
    scores = criterion(to_blocks(np.tile(row, (1, 4, 1)), BlockPattern(1, 900)))
    assert scores.shape == (1, 4, 1) and len(set(scores.ravel())) == 1


def test_edges_are_neither_favoured_nor_punished_by_the_mean():
    pattern, matrix = BlockPattern(4, 3), np.full((6, 7), 0.5)
    blocks, sizes = to_blocks(matrix, pattern), elements_per_block((6, 7), pattern)
    np.testing.assert_array_equal(mean_magnitude(blocks, sizes), np.full((2, 3), 0.5))
    np.testing.assert_array_equal(max_magnitude(blocks, sizes), np.full((2, 3), 0.5))
    np.testing.assert_array_equal(l1_norm(blocks, sizes), 0.5 * sizes)
    np.testing.assert_allclose(l2_norm(blocks, sizes), 0.5 * np.sqrt(sizes))
    # Without sizes every block is taken for a full one.
    np.testing.assert_array_equal(mean_magnitude(blocks)[1, 2], 0.5 * 2 / 12)


@pytest.mark.parametrize("criterion", FORMULAS)
def test_low_precision_and_nan(criterion):
    matrix = np.full((8, 2), 300.0, dtype=np.float16)
    scores = criterion(to_blocks(matrix, BlockPattern(4, 1)))
    assert np.isfinite(scores).all() and (scores >= 300.0).all()
    bfloat = tf.cast(matrix, tf.bfloat16).numpy()
    np.testing.assert_array_equal(criterion(to_blocks(bfloat, BlockPattern(4, 1))), scores)
    matrix[5, 1] = np.nan
    assert np.isnan(criterion(to_blocks(matrix, BlockPattern(4, 1)))).tolist() == [
        [False, False],
        [False, True],
    ]


@pytest.mark.parametrize("criterion", FORMULAS)
def test_the_weights_are_not_changed(criterion):
    matrix = -RNG.random((8, 8))
    before = matrix.copy()
    criterion(to_blocks(matrix, BlockPattern(1, 1)))
    criterion(to_blocks(matrix, BlockPattern(8, 8)))
    np.testing.assert_array_equal(matrix, before)


def test_no_blocks():
    assert l2_norm(np.zeros((1, 0, 4, 4, 1))).shape == (1, 0, 4)
