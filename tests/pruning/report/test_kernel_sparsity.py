import numpy as np
import pytest
import scipy.sparse

from tfsparse.pattern import KernelView, NMPattern, parse_pattern
from tfsparse.pruning.report.kernel_sparsity import measure, packed_bytes

from .kernels import sparse_matrices


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("pattern", ["1x1", "4x1", "16x4"])
def test_blocks_are_counted_as_scipy_stores_them(pattern, dtype):
    matrices = (10 * sparse_matrices((1, 64, 48), pattern, 0.9)).astype(dtype)
    block = parse_pattern(pattern)
    stored = scipy.sparse.bsr_matrix(matrices[0], blocksize=(block.out, block.in_))
    arrays = (stored.data, stored.indices.astype("int32"), stored.indptr.astype("int32"))
    assert packed_bytes(matrices, block) == sum(array.nbytes for array in arrays)


def test_groups_are_stored_one_by_one():
    matrices = sparse_matrices((3, 16, 8), "4x1", 0.5)
    pattern = parse_pattern("4x1")
    apart = [packed_bytes(matrices[i : i + 1], pattern) for i in range(3)]
    assert packed_bytes(matrices, pattern) == sum(apart)


def test_keeping_two_of_four_costs_two_bits_a_value():
    matrices = sparse_matrices((1, 8, 64), "2:4", None)
    assert packed_bytes(matrices, NMPattern(2, 4)) == 8 * 32 * 4 + 8 * 32 * 2 // 8
    matrices[0, 0, :4] = 1.0  # one group does not conform, so nothing can be left out
    assert packed_bytes(matrices, NMPattern(2, 4)) == matrices.nbytes


@pytest.mark.parametrize("pattern", ["1x1", "4x1", "1:4", "channel"])
def test_never_larger_than_as_it_is(pattern):
    matrices = np.ones((1, 16, 16), "int8")
    assert packed_bytes(matrices, parse_pattern(pattern)) == matrices.nbytes
    assert packed_bytes(matrices, None) == matrices.nbytes
    assert packed_bytes(matrices[:, :0], parse_pattern(pattern)) == 0
    narrow = matrices[..., :1]  # conforms to "1:4", but a place would cost more than the zeros
    assert packed_bytes(narrow, parse_pattern(pattern)) == narrow.nbytes


def test_a_row_says_what_is_in_the_kernel():
    view = KernelView.of_dense((48, 64))
    kernel = view.from_matrices(sparse_matrices((1, 64, 48), "4x1", 0.75))
    kernel[tuple(np.argwhere(kernel)[0])] = 0  # an element, but not a block
    row = measure("mine", kernel, view, parse_pattern("4x1"), 0.8, "tfsparse")
    assert (row.layer, row.pattern, row.shape, row.target) == ("mine", "4x1", (48, 64), 0.8)
    assert row.element_sparsity == pytest.approx(0.75 + 1 / (48 * 64), abs=1e-15)
    assert row.block_sparsity == 0.75 and row.conforming is None
    assert (row.dtype, row.bytes, row.elements) == ("float32", 48 * 64 * 4, 48 * 64)
    assert row.picture.shape == (64, 48)


def test_keeping_some_of_many_has_no_blocks_but_groups():
    view = KernelView.of_dense((64, 8))
    kernel = view.from_matrices(sparse_matrices((1, 8, 64), "2:4", None))
    row = measure("mine", kernel, view, parse_pattern("2:4"), None, "found")
    assert (row.element_sparsity, row.block_sparsity, row.conforming) == (0.5, None, 1.0)


def test_whole_channels_are_blocks_of_all_their_inputs():
    view = KernelView.of_convolution((3, 3, 4, 8))
    kernel = np.ones(view.shape, "float32")
    kernel[..., 5] = 0
    kernel[0, 0, 0, 0] = 0
    row = measure("mine", kernel, view, parse_pattern("channel"), 0.125, "tfsparse")
    assert row.block_sparsity == 1 / 8
    assert row.element_sparsity == pytest.approx(1 / 8 + 1 / kernel.size, abs=1e-15)


def test_without_a_pattern_the_one_that_is_found():
    view = KernelView.of_dense((48, 64))
    kernel = view.from_matrices(sparse_matrices((1, 64, 48), "16x4", 0.5))
    assert measure("mine", kernel, view, None, None, "found").pattern == "16x4"
    assert measure("mine", np.ones((48, 64)), view, None, None, "dense").pattern is None
