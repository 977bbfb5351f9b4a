#include "custom_ops/format/block_sparse_matrix.h"

#include <limits>

namespace tfsparse {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();

Status ValidateSizes(const BlockStructure& m) {
  if (m.out < 1 || m.out > kMaxInt32 || m.in < 0 || m.in > kMaxInt32) {
    return Status::Invalid("The weights should have 1 to ", kMaxInt32, " outputs and 0 to ",
                           kMaxInt32, " inputs. Received: outputs=", m.out, ", inputs=", m.in);
  }
  if (m.block_out < 1 || m.block_out > kMaxBlock || m.block_in < 1 || m.block_in > kMaxBlock) {
    return Status::Invalid("Blocks should be 1 to ", kMaxBlock, " by 1 to ", kMaxBlock,
                           ". Received: ", m.block_out, "x", m.block_in);
  }
  if (m.num_blocks > kMaxInt32) {
    return Status::Invalid("`data` should hold at most ", kMaxInt32,
                           " blocks. Received: ", m.num_blocks);
  }
  if (m.num_indices != m.num_blocks) {
    return Status::Invalid("`indices` should have one element per block of `data`. Received: ",
                           m.num_indices, " indices for ", m.num_blocks, " blocks");
  }
  if (m.num_indptr != m.block_rows() + 1) {
    return Status::Invalid("`indptr` should have ceil(", m.out, " outputs / ", m.block_out,
                           ") + 1 = ", m.block_rows() + 1, " elements. Received: ", m.num_indptr);
  }
  return {};
}

// indptr rises from 0 to num_blocks.
Status ValidatePointers(const BlockStructure& m) {
  if (m.indptr[0] != 0) {
    return Status::Invalid("`indptr` should begin with 0. Received: indptr[0]=", m.indptr[0]);
  }
  for (int64_t row = 0; row < m.block_rows(); ++row) {
    if (m.indptr[row + 1] < m.indptr[row]) {
      return Status::Invalid("`indptr` should not fall. Received: indptr[", row,
                             "]=", m.indptr[row], ", indptr[", row + 1, "]=", m.indptr[row + 1]);
    }
  }
  const int32_t last = m.indptr[m.block_rows()];
  if (last != m.num_blocks) {
    return Status::Invalid("`indptr` should end with the number of blocks, ", m.num_blocks,
                           ". Received: ", last);
  }
  return {};
}

// Every index names a block column, and they rise inside a block row.
Status ValidateIndices(const BlockStructure& m) {
  const int64_t columns = m.block_columns();
  for (int64_t row = 0; row < m.block_rows(); ++row) {
    int64_t previous = -1;
    for (int64_t b = m.indptr[row]; b < m.indptr[row + 1]; ++b) {
      const int64_t index = m.indices[b];
      if (index < 0 || index >= columns) {
        return Status::Invalid("`indices` should be in [0, ", columns, "). Received: indices[", b,
                               "]=", index);
      }
      if (index <= previous) {
        return Status::Invalid("`indices` should rise inside a block row. Received: indices[", b,
                               "]=", index, " after ", previous, " in block row ", row);
      }
      previous = index;
    }
  }
  return {};
}

}  // namespace

Status Validate(const BlockStructure& matrix) {
  for (auto check : {ValidateSizes, ValidatePointers, ValidateIndices}) {
    if (Status status = check(matrix); !status.ok()) return status;
  }
  return {};
}

}  // namespace tfsparse
