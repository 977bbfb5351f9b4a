#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_GEMV_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_GEMV_H_

// A product by few rows of x (small M), which the kernels for tiles of 16 rows and more would leave
// most of their lanes empty for: kernels/gemv/gemv_avx512.h.
//
// The weights are those of the kernel for many rows where that one's layout serves; otherwise
// they are packed a second time, which doubles their memory.
//
// Work is cut by outputs, into ranges with about equal numbers of stored weights, when there is
// enough of it for more than one thread. No cut changes a result. Float sums are added in another
// order than in a product by many rows.

#include <cstdint>
#include <memory>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/engine/packed_layer.h"
#include "custom_ops/engine/registry.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/format/packed_weights.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// All that is made of a weight matrix, once, for small M.
template <typename T>
class Gemv {
 public:
  // Of a validated matrix that `many` was prepared from; both must outlive it.
  Gemv(const GemvKernel<T>& kernel, const BlockSparseMatrix<T>& matrix, const PackedLayer<T>& many,
       const Threads& threads);

  const GemvKernel<T>& kernel() const { return kernel_; }
  // From one row more on, the kernel for many rows is faster.
  int max_rows() const { return max_rows_; }
  // Memory of the weights that were packed for small M alone.
  int64_t bytes() const { return own_weights_ ? own_weights_->bytes() : 0; }

  // Runs a call that has passed its checks, of 1 to max_rows() rows, and has no source.
  void Run(const LayerCall& call, const Threads& threads) const;

 private:
  struct Task;

  int64_t Parts(int64_t rows, int threads) const;
  bool TakeRows(Task& task) const;
  void MultiplyPanels(const Task& task, int64_t begin, int64_t end) const;
  void Finish(const Task& task, const void* acc, int64_t output, int64_t end) const;
  int64_t FirstOutput(int64_t panel) const;

  GemvKernel<T> kernel_;
  GemvFunctions functions_;
  int max_rows_;
  std::unique_ptr<const PackedWeights<T>> own_weights_;
  const PackedWeights<T>& weights_;
  const WeightSums& weight_sums_;
  std::vector<int64_t> work_;  // of the panels before a panel, at the end of all: in registers
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_GEMV_H_
