"""The Python form of the format: it is scipy's, and nothing is lost in it."""

import numpy as np
import pytest
import scipy.sparse

from tfsparse.ops import BlockSparseMatrix
from tfsparse.pattern import BlockPattern

from .helpers import PATTERNS, float_weights, int8_weights, sparse


def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("shape", [(1, 1), (16, 4), (17, 5), (63, 130), (128, 64)])
@pytest.mark.parametrize("block", PATTERNS)
@pytest.mark.parametrize("make", [float_weights, int8_weights])
def test_round_trip(make, shape, block):
    dense = make(rng(), *shape, block)
    restored = sparse(dense, block).to_dense()
    np.testing.assert_array_equal(restored, dense)
    assert restored.dtype == dense.dtype


@pytest.mark.parametrize("block", PATTERNS)
def test_arrays_are_those_of_scipy(block):
    dense = float_weights(rng(), 2 * 4 * block[0], 3 * 4 * block[1], block)
    ours, theirs = sparse(dense, block), scipy.sparse.bsr_matrix(dense, blocksize=block)
    theirs.sort_indices()
    for name in ("data", "indices", "indptr"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_array_equal(mine, other)
        assert mine.dtype == other.dtype


def test_scipy_reads_our_arrays():
    dense = float_weights(rng(), 24, 20, (4, 2))
    w = sparse(dense, (4, 2))
    theirs = scipy.sparse.bsr_matrix((w.data, w.indices, w.indptr), shape=w.shape)
    np.testing.assert_array_equal(theirs.toarray(), dense)


def test_sizes_the_block_does_not_divide_are_padded_with_zeros():
    w = sparse(np.arange(1, 16, dtype=np.float32).reshape(5, 3), (4, 2))
    assert w.shape == (5, 3)
    assert w.data.shape == (4, 4, 2)
    assert w.indptr.tolist() == [0, 2, 4]
    assert w.indices.tolist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(w.data[1], [[3, 0], [6, 0], [9, 0], [12, 0]])
    np.testing.assert_array_equal(w.data[3], [[15, 0], [0, 0], [0, 0], [0, 0]])


def test_what_sticks_out_over_the_edge_is_not_part_of_the_matrix():
    w = BlockSparseMatrix(
        data=np.full((1, 4, 4), 7, np.int8),
        indices=np.zeros(1, np.int32),
        indptr=np.array([0, 1], np.int32),
        shape=(3, 2),
    )
    np.testing.assert_array_equal(w.to_dense(), np.full((3, 2), 7))


def test_only_blocks_with_a_non_zero_are_stored():
    dense = np.zeros((6, 6), np.float32)
    dense[5, 0], dense[0, 4] = np.nan, -0.5
    w = sparse(dense, (2, 3))
    assert w.data.shape == (2, 2, 3)
    assert w.indices.tolist() == [1, 0]
    assert w.indptr.tolist() == [0, 1, 1, 2]
    np.testing.assert_array_equal(w.to_dense(), dense)


@pytest.mark.parametrize("shape", [(4, 4), (0, 5), (5, 0)])
def test_nothing_to_store(shape):
    w = sparse(np.zeros(shape, np.float32), (2, 2))
    assert w.data.shape == (0, 2, 2)
    assert w.indptr.tolist() == [0] * (-(-shape[0] // 2) + 1)
    assert w.to_dense().shape == shape


def test_pattern_is_read_from_the_blocks():
    assert sparse(np.ones((8, 8)), (4, 2)).pattern == BlockPattern(out=4, in_=2)


@pytest.mark.parametrize("shape", [(4,), (2, 2, 2), ()])
def test_a_matrix_has_two_axes(shape):
    with pytest.raises(ValueError, match=r"`matrix` should have 2 axes.*Received: shape=\("):
        BlockSparseMatrix.from_dense(np.zeros(shape), BlockPattern(2, 2))
