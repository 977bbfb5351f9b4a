#ifndef TFSPARSE_BENCHMARKS_ONEDNN_ATTENTION_H_
#define TFSPARSE_BENCHMARKS_ONEDNN_ATTENTION_H_

#include <cstdint>
#include <memory>

namespace tfsparse {

// The baseline of attention, as TensorFlow runs it: a batch matmul with the scale fused, a
// softmax, a batch matmul, with a tensor of scores in memory. Queries, keys, values and the result
// lie as [B, T, H, D], so that nothing is transposed.
class OneDnnAttention {
 public:
  virtual ~OneDnnAttention() = default;

  static std::unique_ptr<OneDnnAttention> F32(int64_t batch, int64_t heads, int64_t length,
                                              int64_t head_size, float scale);

  virtual void Run(const float* query, const float* key, const float* value, float* y) = 0;
};

// The baseline of LayerNorm over the last axis, with gamma and beta.
class OneDnnLayerNorm {
 public:
  virtual ~OneDnnLayerNorm() = default;

  static std::unique_ptr<OneDnnLayerNorm> F32(int64_t rows, int64_t size, float epsilon);

  virtual void Run(const float* x, const float* gamma, const float* beta, float* y) = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_ONEDNN_ATTENTION_H_
