#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_FEW_ROWS_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_FEW_ROWS_H_

// A product by a few rows of x, which the kernels for tiles of 16 rows and more would leave
// most of their lanes empty for: kernels/few_rows_avx512.h.
//
// The weights are those of the kernel for many rows where that one's layout serves; otherwise
// they are packed a second time, which doubles their memory.
//
// Work is cut by outputs, into ranges with even numbers of stored weights, when there is enough
// of it for more than one thread. No cut changes a result. Float sums are added in another
// order than in a product by many rows.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/format/packed_weights.h"
#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/matmul/matmul_call.h"
#include "custom_ops/matmul/path.h"
#include "custom_ops/matmul/prepared_matmul.h"

namespace tfsparse {

// A row of few_rows.inc.
template <typename T>
struct FewRowsKernel {
  std::string name;  // as in int8_avx512vbmi_windows_4
  Path path;
  Layout layout;
  int height;
  int most_rows;
  int cost;
  FewRowsFunction (*function)(int height, int rows);
};

// All rows for weights of type T (float or int8_t).
template <typename T>
const std::vector<FewRowsKernel<T>>& FewRowsKernels();

// The best one of the paths up to `path` for a validated block, beside a kernel for many rows;
// null if there is none.
template <typename T>
const FewRowsKernel<T>* SelectFewRows(Path path, int64_t block_out, int64_t block_in,
                                      const Kernel<T>& many);

// All that is made of a weight matrix, once, for few rows.
template <typename T>
class FewRowsMatmul {
 public:
  // Of a validated matrix that `many` was prepared from; both must outlive it.
  FewRowsMatmul(const FewRowsKernel<T>& kernel, const BlockSparseMatrix<T>& matrix,
                const PreparedMatmul<T>& many, const Threads& threads);

  const FewRowsKernel<T>& kernel() const { return kernel_; }
  // From one row more on, the kernel for many rows is faster.
  int most_rows() const { return most_rows_; }
  // Memory of the weights that were packed for few rows alone.
  int64_t bytes() const { return own_weights_ ? own_weights_->bytes() : 0; }

  // Runs a call that has passed its checks, of 1 to most_rows() rows, and has no source.
  void Run(const MatmulCall& call, const Threads& threads) const;

 private:
  struct Task;

  int64_t Parts(int64_t rows, int threads) const;
  bool TakeRows(Task& task) const;
  void MultiplyStrips(const Task& task, int64_t begin, int64_t end) const;
  void Finish(const Task& task, const void* sums, int64_t output, int64_t end) const;
  int64_t FirstOutput(int64_t strip) const;

  FewRowsKernel<T> kernel_;
  int most_rows_;
  std::unique_ptr<const PackedWeights<T>> own_weights_;
  const PackedWeights<T>& weights_;
  const WeightSums& weight_sums_;
  std::vector<int64_t> work_;  // of the strips before a strip, at the end of all: in registers
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_FEW_ROWS_H_
