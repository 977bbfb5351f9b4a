#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_BLOCK_SPARSE_MATRIX_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_BLOCK_SPARSE_MATRIX_H_

// THE format: how a pruned weight matrix travels from Python through a
// SavedModel to the kernels.
//
// What. A weight matrix W of `out` x `in` elements (out = N, in = K, so that
// y[M,N] = x[M,K] * transpose(W)) is cut into blocks of `block_out` x
// `block_in` elements; only blocks that hold a non-zero are stored. The three
// arrays are those of scipy.sparse.bsr_matrix:
//
//   data    [num_blocks, block_out, block_in]  the blocks, row-major inside
//   indices [num_blocks]                       block column of each block
//   indptr  [block_rows + 1]                   blocks of block row r are
//                                              [indptr[r], indptr[r + 1])
//
// Why this one. It is the standard, a NumPy user can make and read it, it is
// small (4 bytes per block beside the values), and every block shape is the
// same code. The kernels do not run on it: each packs it once into the layout
// that suits its registers (packed_weights.h).
//
// Edges. Sizes that the block does not divide are padded: block_rows =
// ceil(out / block_out), and what sticks out over an edge is ignored, whatever
// it holds.
//
// Contract. Inside a block row the columns ascend strictly. A BlockSparseMatrix
// is a view: it owns nothing, and it may come from a file, so it promises
// nothing until Validate has said so. After Validate every index below is in
// range, and sizes multiply without overflow.
//
// Cost. Validate reads indices and indptr once: O(num_blocks + block_rows).

#include <cstdint>

#include "custom_ops/base/status.h"

namespace tfsparse {

inline constexpr int64_t kMaxBlock = 64;

// The part that does not depend on the type of the values.
struct BlockStructure {
  int64_t out = 0;
  int64_t in = 0;
  int64_t block_out = 1;
  int64_t block_in = 1;
  int64_t num_blocks = 0;   // blocks behind `data`
  int64_t num_indices = 0;  // elements behind `indices`
  int64_t num_indptr = 0;   // elements behind `indptr`
  const int32_t* indices = nullptr;
  const int32_t* indptr = nullptr;

  int64_t block_rows() const { return (out + block_out - 1) / block_out; }
  int64_t block_columns() const { return (in + block_in - 1) / block_in; }
};

template <typename T>
struct BlockSparseMatrix : BlockStructure {
  const T* data = nullptr;

  const T* block(int64_t b) const { return data + b * block_out * block_in; }
};

// Checks everything that a kernel relies on. The message of a failure names the
// array, the place and the value seen.
Status Validate(const BlockStructure& matrix);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_BLOCK_SPARSE_MATRIX_H_
