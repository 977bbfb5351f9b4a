#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_MATMUL_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_MATMUL_H_

// y = act(x * transpose(W) + bias) with block-sparse W: validate, select,
// partition, run.
//
// Create validates and packs a weight matrix once. Run is const, keeps no state
// and may be called from many threads at a time.
//
// int8 weights: x is uint8 or is quantized to it, x ~ x_scale * (q -
// x_zero_point), W ~ w_scale[n] * w. The integer sums are exact (Create refuses
// weights whose sums could leave 32 bits), so every kernel gives the same bits:
//
//   y = act(fma(float(sum_k (q[k] - x_zero_point) * w[n, k]), x_scale *
//   w_scale[n], bias[n]))
//
// and, for uint8 y, QuantizeU8(y, 1 / y_scale, y_zero_point) of quantize.h.
//
// float weights: fused multiply-adds in the order of the inputs. Which rows
// share a tile and which thread works on it change nothing. A NaN or an
// infinity in x meets every weight, also those that are not stored because they
// are zero, as it does in a dense product: 0 * inf is NaN.
//
// Partition. Tiles of rows are the items of work when there are enough of them
// for the threads; each packs its own rows of x. Otherwise the outputs are cut
// as well, into ranges with even numbers of stored weights, and the tiles are
// packed first.

#include <cstdint>
#include <memory>
#include <vector>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/format/packed_weights.h"
#include "custom_ops/matmul/select.h"

namespace tfsparse {

struct MatmulCall {
  const void* x = nullptr;  // [rows, in] row-major
  bool x_is_u8 = false;     // else float
  int64_t rows = 0;
  const float* bias = nullptr;  // [out], or null for none
  bool relu = false;
  void* y = nullptr;     // [rows, out] row-major
  bool y_is_u8 = false;  // else float

  // int8 weights only.
  float x_scale = 1.0f;
  int32_t x_zero_point = 0;
  const float* w_scale = nullptr;  // [out]
  float y_scale = 1.0f;            // uint8 y only
  int32_t y_zero_point = 0;
};

template <typename T>
class Matmul {
 public:
  // Fails where Validate does, and on int8 weights so many and so large that
  // the sums of an output could overflow. The matrix is not needed afterwards.
  static Status Create(const BlockSparseMatrix<T>& matrix, Path path,
                       std::unique_ptr<const Matmul>* matmul);

  // As above, with a kernel of one's own choice that Accepts the block.
  static Status Create(const BlockSparseMatrix<T>& matrix,
                       const Kernel<T>& kernel,
                       std::unique_ptr<const Matmul>* matmul);

  // Fails, with y untouched, if a scale is not finite and positive, a zero
  // point not in [0, 255], or rows * in * out overflows.
  Status Run(const MatmulCall& call, const Threads& threads) const;

  int64_t out() const { return weights_.out; }
  int64_t in() const { return weights_.in; }
  const Kernel<T>& kernel() const { return kernel_; }

 private:
  struct Tiles;

  explicit Matmul(const Kernel<T>& kernel);

  Status Check(const MatmulCall& call) const;
  Tiles PlanTiles(int64_t rows) const;
  int64_t OutputParts(const Tiles& tiles, int threads) const;
  int64_t TileBytes(int vectors) const;
  bool PackTile(const MatmulCall& call, const Tiles& tiles, int64_t tile,
                void* packed) const;
  void RunStrips(const MatmulCall& call, const Tiles& tiles, int64_t tile,
                 const void* packed, int64_t begin, int64_t end) const;
  void FinishChunk(const MatmulCall& call, const Tiles& tiles, int64_t tile,
                   const void* acc, int64_t output, int64_t end) const;
  void SpreadNonFinite(const MatmulCall& call, const Tiles& tiles, int64_t tile,
                       int64_t begin, int64_t end) const;
  int64_t StripEnd(int64_t strip) const;

  Kernel<T> kernel_;
  Steps steps_;
  PackedWeights<T> weights_;
  std::vector<int64_t> work_;  // groups before a strip, and one for each strip
  std::vector<int32_t> sums_;  // int8: sum of an output's weights
  AlignedBuffer<float> no_bias_;  // zeros
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_MATMUL_H_
