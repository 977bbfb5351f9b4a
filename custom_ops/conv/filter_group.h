#ifndef TFSPARSE_CUSTOM_OPS_CONV_FILTER_GROUP_H_
#define TFSPARSE_CUSTOM_OPS_CONV_FILTER_GROUP_H_

// Groups of filters as matrices of their own, one by one or some of them in one.
//
// Filters of several groups are one matrix if each has zeros, which are not stored, for the
// channels of the others: a block-diagonal matrix for each tap. It has as many products. What is
// packed for them and what they write is as wide as all the groups together, so that narrow groups
// fill registers.

#include <cstdint>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/format/block_sparse_matrix.h"

namespace tfsparse {

// How the rows of a matrix are groups of filters.
struct FilterGroups {
  int64_t count = 1;
  int64_t taps = 1;  // of a kernel, each of as many inputs of the matrix
};

// Fails unless the groups divide the outputs into parts that no block straddles, and the taps the
// inputs.
Status CheckGroups(const BlockStructure& matrix, const FilterGroups& groups);

// How many groups in one matrix have `channels` or more together, of those numbers that divide the
// groups. 1 where blocks straddle taps.
int64_t GroupsToJoin(const BlockStructure& matrix, const FilterGroups& groups, int64_t channels);

// Consecutive groups as a matrix; its arrays are a view of `matrix` but for those it has itself.
template <typename T>
class JoinedGroups {
 public:
  // Of a matrix that has passed Validate and CheckGroups: groups [first, first + count), where
  // count is 1 or divides what GroupsToJoin gave.
  JoinedGroups(const BlockSparseMatrix<T>& matrix, const FilterGroups& groups, int64_t first,
               int64_t count)
      : view_(matrix) {
    if (groups.count == 1) return;
    const int64_t filters = matrix.out / groups.count, rows = filters / matrix.block_out;
    view_.out = filters * count;
    view_.in = matrix.in * count;
    const int32_t* blocks_of = matrix.indptr + first * rows;
    for (int64_t row = 0; row <= rows * count; ++row) {
      indptr_.push_back(blocks_of[row] - blocks_of[0]);
    }
    const int64_t tap = matrix.in / groups.taps;
    for (int64_t row = 0; row < rows * count; ++row) {
      for (int32_t b = blocks_of[row]; b < blocks_of[row + 1]; ++b) {
        const int64_t input = int64_t{matrix.indices[b]} * matrix.block_in;
        const int64_t joined =
            count == 1 ? input : (input / tap * count + row / rows) * tap + input % tap;
        indices_.push_back(static_cast<int32_t>(joined / matrix.block_in));
      }
    }
    view_.data = matrix.block(blocks_of[0]);
    view_.indices = indices_.data();
    view_.indptr = indptr_.data();
    view_.num_indptr = static_cast<int64_t>(indptr_.size());
    view_.num_blocks = view_.num_indices = static_cast<int64_t>(indices_.size());
  }

  JoinedGroups(const JoinedGroups&) = delete;
  JoinedGroups& operator=(const JoinedGroups&) = delete;

  const BlockSparseMatrix<T>& view() const { return view_; }

 private:
  BlockSparseMatrix<T> view_;
  std::vector<int32_t> indices_, indptr_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_FILTER_GROUP_H_
