#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_UNPACK_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_UNPACK_H_

#include <cstdint>
#include <vector>

#include "custom_ops/format/block_sparse_matrix.h"

namespace tfsparse {

// The dense [out, in] matrix that a block-sparse one stands for.
template <typename T>
std::vector<T> Unpack(const BlockSparseMatrix<T>& m) {
  std::vector<T> dense(m.out * m.in);
  for (int64_t row = 0; row < m.block_rows(); ++row) {
    for (int64_t b = m.indptr[row]; b < m.indptr[row + 1]; ++b) {
      for (int64_t i = 0; i < m.block_out * m.block_in; ++i) {
        const int64_t n = row * m.block_out + i / m.block_in;
        const int64_t k = m.indices[b] * m.block_in + i % m.block_in;
        if (n < m.out && k < m.in) dense[n * m.in + k] = m.block(b)[i];
      }
    }
  }
  return dense;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_UNPACK_H_
