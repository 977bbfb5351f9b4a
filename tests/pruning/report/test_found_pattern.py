import numpy as np
import pytest

from tfsparse.pruning.report.found_pattern import found_pattern

from .kernels import sparse_matrices

PATTERNS = ["1x1", "2x1", "4x1", "1x4", "8x2", "16x4", "4x16", "channel"]


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 30, 37)], ids=str)
@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_finds_what_was_pruned(pattern, sparsity, shape):
    assert str(found_pattern(sparse_matrices(shape, pattern, sparsity))) == pattern


@pytest.mark.parametrize("sparsity", [0.02, 0.99])
def test_scattered_zeros_are_no_blocks_however_few_or_many(sparsity):
    assert str(found_pattern(sparse_matrices((1, 128, 128), "1x1", sparsity))) == "1x1"


@pytest.mark.parametrize("pattern", ["1:4", "2:4", "4:8"])
def test_finds_patterns_that_keep_some_of_many(pattern):
    assert str(found_pattern(sparse_matrices((1, 16, 64), pattern, None))) == pattern


def test_a_kernel_that_conforms_by_being_sparser_is_not_taken_for_it():
    # At most 2 of 4 are left nearly everywhere, but nothing asked for that.
    assert str(found_pattern(sparse_matrices((1, 64, 64), "1x1", 0.95))) == "1x1"


def test_zeros_of_rounding_do_not_hide_the_blocks():
    matrices = sparse_matrices((1, 64, 64), "4x1", 0.75)
    matrices[np.random.default_rng(1).random(matrices.shape) < 0.02] = 0
    assert str(found_pattern(matrices)) == "4x1"


def test_a_dense_kernel_has_none():
    assert found_pattern(np.ones((1, 8, 8))) is None
    assert found_pattern(np.ones((1, 0, 8))) is None


def test_nothing_crosses_from_a_group_to_the_next():
    # Two rows of zeros that are neighbours, the last of one group and the first of another.
    matrices = np.ones((2, 3, 8))
    matrices[0, 2, ::2] = matrices[1, 0, ::2] = 0
    assert str(found_pattern(matrices)) == "1x1"


def test_a_block_larger_than_the_matrix_is_not_named():
    matrices = sparse_matrices((1, 6, 64), "16x4", 0.5)  # as high as the matrix
    assert str(found_pattern(matrices)) == "4x4"
