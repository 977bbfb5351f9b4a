#ifndef TFSPARSE_BENCHMARKS_ONEDNN_DENSE_H_
#define TFSPARSE_BENCHMARKS_ONEDNN_DENSE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "custom_ops/base/bfloat16.h"

namespace tfsparse {

// The baseline: oneDNN's dense matmul of the same problem, with its weights reordered
// beforehand into the layout it likes best, bias and ReLU fused.
class OneDnnDense {
 public:
  virtual ~OneDnnDense() = default;

  // y[m, n] = relu(x[m, k] * transpose(w[n, k]) + bias), float.
  static std::unique_ptr<OneDnnDense> F32(int64_t m, int64_t k, int64_t n,
                                          const std::vector<float>& w,
                                          const std::vector<float>& bias);

  // The same of bfloat16 x and w.
  static std::unique_ptr<OneDnnDense> Bf16(int64_t m, int64_t k, int64_t n,
                                           const std::vector<BFloat16>& w,
                                           const std::vector<float>& bias);

  // uint8 y = relu(scale[n] * (x * transpose(w) + bias)); bias is rounded to int32, in
  // the unit of the sums, as oneDNN has it.
  static std::unique_ptr<OneDnnDense> U8S8(int64_t m, int64_t k, int64_t n,
                                           const std::vector<int8_t>& w,
                                           const std::vector<float>& scale,
                                           const std::vector<float>& bias);

  virtual void Run(const void* x, void* y) = 0;
};

// Threads that oneDNN may use from now on.
void SetOneDnnThreads(int threads);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_ONEDNN_DENSE_H_
