#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_PREPARED_MATMUL_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_PREPARED_MATMUL_H_

#include <cstdint>
#include <type_traits>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/format/packed_weights.h"
#include "custom_ops/matmul/select.h"
#include "custom_ops/matmul/weight_sums.h"

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
  // The strip behind the last one of a chunk that begins with strip s, of those up to `end`.
  int64_t ChunkEnd(int64_t s, int64_t end) const {
    const int64_t output = weights.strips[s].out;
    int64_t next = s + 1;
    while (next < end && FirstOutput(next + 1) - output <= kChunkOutputs) ++next;
    return next;
  }
  // Whether a layer with these weights can pack the x of a next one from its sums.
  bool CanHandOverTo(const PreparedMatmul& next) const {
    return next.steps.pack_sums != nullptr && (std::is_same_v<T, float> || chunks_are_quads);
  }
  int64_t num_strips() const { return static_cast<int64_t>(weights.strips.size()); }
  // Multiply instructions per vector of rows, roughly.
  int64_t instructions() const { return work.back() * kernel.height; }

  Kernel<T> kernel;
  Steps steps;
  PackedWeights<T> weights;
  std::vector<int64_t> work;     // of the strips before a strip, at the end of all: in groups
  bool chunks_are_quads = true;  // every chunk begins with an output that is a multiple of four
  WeightSums sums;               // of int8 weights
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_PREPARED_MATMUL_H_
