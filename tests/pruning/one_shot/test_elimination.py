import numpy as np
import pytest

from tfsparse.pattern import NMPattern
from tfsparse.pruning.one_shot.elimination import eliminate

from .problems import direct, error, hessian, least_error, weights


def in_order(losses):
    return np.argsort(losses, kind="stable")


def error_without(matrix, moments, gone, width=1):
    kept = np.ones(matrix.shape, bool)
    for block in gone:
        kept[:, block * width : (block + 1) * width] = False
    return error(matrix, direct(matrix, moments, kept), moments)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 1), (2, 2), (1, 3)])
def test_the_first_block_is_the_one_that_brute_force_finds(height, width, seed):
    matrix, moments = weights(height, 6 * width, seed=seed), hessian(6 * width, seed=seed)
    blocks = matrix.reshape(1, height, 6, width)
    losses = eliminate(blocks, np.linalg.inv(moments), steps=1)
    assert losses.min() == pytest.approx(least_error(matrix, moments, 1, width))
    assert np.isinf(losses).sum() == 5


def test_greedy_is_within_a_few_percent_of_brute_force():
    ratios = []
    for seed in range(20):
        matrix, moments = weights(4, 8, seed=seed), hessian(8, 3, seed)
        losses = eliminate(matrix.reshape(1, 4, 8, 1), np.linalg.inv(moments), steps=4)[0]
        found = error_without(matrix, moments, in_order(losses)[:4])
        ratios.append(found / least_error(matrix, moments, 4))
    assert min(ratios) > 1 - 1e-9
    assert np.mean(ratios) < 1.05
    assert np.median(ratios) == pytest.approx(1.0)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("width", [1, 2])
def test_losses_add_up_to_the_error_of_a_direct_solve(batch, width):
    columns = 12
    matrices = weights(3, 2, columns * width)
    moments = hessian(columns * width, 5)
    blocks = matrices.reshape(3, 2, columns, width)
    losses = eliminate(blocks, np.linalg.inv(moments), steps=7, batch=batch)
    for row, matrix in zip(losses, matrices, strict=True):
        gone = in_order(row)[:7]
        raised = np.sort(row)[:7]
        expected = error_without(matrix, moments, gone, width)
        # A loss is raised to that of the block before it where it is less.
        assert raised.sum() >= expected * (1 - 1e-9)
        steps = [error_without(matrix, moments, gone[:n], width) for n in range(8)]
        np.testing.assert_allclose(raised, np.maximum.accumulate(np.diff(steps)), rtol=1e-6)


@pytest.mark.parametrize("width", [1, 4])
def test_batches_choose_as_well_as_one_at_a_time(width):
    columns, rows = 96 // width, 6
    matrices = weights(rows, 4, columns * width)
    moments = hessian(columns * width, 24)
    blocks = matrices.reshape(rows, 4, columns, width)
    errors = {}
    for batch in (1, 8):
        losses = eliminate(blocks, np.linalg.inv(moments), columns // 2, batch)
        errors[batch] = sum(
            error_without(matrix, moments, in_order(row)[: columns // 2], width)
            for row, matrix in zip(losses, matrices, strict=True)
        )
    assert errors[8] == pytest.approx(errors[1], rel=0.02)


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize(("keep", "of", "columns"), [(2, 4, 16), (1, 4, 18), (3, 4, 23), (2, 4, 9)])
def test_groups_lose_what_their_pattern_says(keep, of, columns, batch):
    pattern = NMPattern(keep, of)
    whole, rest = divmod(columns, of)
    steps = whole * (of - keep) + max(0, rest - keep)
    matrices, moments = weights(5, 1, columns), hessian(columns)
    losses = eliminate(
        matrices[..., None], np.linalg.inv(moments), steps, batch=batch, groups=pattern
    )
    gone = np.isfinite(losses)
    for start in range(0, columns, of):
        size = min(of, columns - start)
        assert (gone[:, start : start + of].sum(axis=1) == max(0, size - keep)).all()


def test_blocks_that_are_zero_go_first():
    matrix = weights(1, 2, 8, 1)
    matrix[:, :, [2, 5]] = 0.0
    losses = eliminate(matrix, np.linalg.inv(hessian(8)), steps=4)[0]
    assert set(in_order(losses)[:2]) == {2, 5}
    assert losses[[2, 5]].max() < 1e-300


def test_float32_chooses_as_well():
    matrices, moments = weights(6, 4, 64, 1), hessian(64, 16)
    inverse = np.linalg.inv(moments)
    errors = {}
    for dtype in (np.float64, np.float32):
        losses = eliminate(matrices.astype(dtype), inverse.astype(dtype), 32, batch=8)
        errors[dtype] = sum(
            error_without(matrix[..., 0], moments, in_order(row)[:32])
            for row, matrix in zip(losses, matrices, strict=True)
        )
    assert errors[np.float32] == pytest.approx(errors[np.float64], rel=0.02)


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("width", [1, 2])
def test_an_inverse_that_is_not_positive_is_named(width, batch):
    pairs = np.kron(np.array([[1.0, 1.1], [1.1, 1.0]]), np.eye(32))  # as rounding may leave it
    blocks = weights(3, 4, 64 // width, width)
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        eliminate(blocks, pairs, 40 // width, batch)
