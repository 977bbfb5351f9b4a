#ifndef TFSPARSE_CUSTOM_OPS_CONV_FILTER_GROUP_H_
#define TFSPARSE_CUSTOM_OPS_CONV_FILTER_GROUP_H_

#include <cstdint>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/format/block_sparse_matrix.h"

namespace tfsparse {

// Fails unless `groups` divides the outputs into parts that no block straddles.
Status CheckGroups(const BlockStructure& matrix, int64_t groups);

// The rows of a group of filters, as a matrix of their own. `matrix` has passed Validate and
// CheckGroups. `indptr` holds the result's; all else is a view of `matrix`.
template <typename T>
BlockSparseMatrix<T> FilterGroup(const BlockSparseMatrix<T>& matrix, int64_t groups, int64_t group,
                                 std::vector<int32_t>* indptr) {
  if (groups == 1) return matrix;
  BlockSparseMatrix<T> part = matrix;
  part.out = matrix.out / groups;
  const int32_t* first = matrix.indptr + group * part.block_rows();
  indptr->resize(part.block_rows() + 1);
  for (size_t row = 0; row < indptr->size(); ++row) (*indptr)[row] = first[row] - first[0];
  part.data = matrix.block(first[0]);
  part.indices = matrix.indices + first[0];
  part.indptr = indptr->data();
  part.num_indptr = static_cast<int64_t>(indptr->size());
  part.num_blocks = part.num_indices = indptr->back();
  return part;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_FILTER_GROUP_H_
