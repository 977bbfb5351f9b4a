#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_PREPARED_MATMUL_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_PREPARED_MATMUL_H_

#include <cstdint>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/format/packed_weights.h"
#include "custom_ops/matmul/select.h"

namespace tfsparse {

// All that is made of a weight matrix, once, for a kernel.
template <typename T>
struct PreparedMatmul {
  explicit PreparedMatmul(const Kernel<T>& kernel) : kernel(kernel), steps(SelectSteps(kernel)) {}

  // Packs a validated matrix. Fails on int8 weights so many and so large that the sums
  // of an output could leave 32 bits.
  Status Prepare(const BlockSparseMatrix<T>& matrix, const Threads& threads);

  // The output behind the last one of strip - 1.
  int64_t FirstOutput(int64_t strip) const {
    return strip == num_strips() ? weights.out : weights.strips[strip].out;
  }
  int64_t num_strips() const { return static_cast<int64_t>(weights.strips.size()); }
  // Multiply instructions per vector of rows, roughly.
  int64_t instructions() const { return work.back() * kernel.height; }

  Kernel<T> kernel;
  Steps steps;
  PackedWeights<T> weights;
  std::vector<int64_t> work;  // of the strips before a strip, at the end of all: in groups
  std::vector<int32_t> sums;  // int8: sum of an output's weights
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_PREPARED_MATMUL_H_
