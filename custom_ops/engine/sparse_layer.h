#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_SPARSE_LAYER_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_SPARSE_LAYER_H_

// y = act(x * transpose(W) + bias + residual) with block-sparse W: validate, select, partition,
// run.
//
// Create validates and packs a weight matrix once. Run is const, keeps no state and may
// be called from many threads at a time.
//
// int8 weights: x is uint8 or is quantized to it, x ~ x_scale * (q - x_zero_point),
// W ~ w_scale[n] * w. The integer sums are exact, so every kernel gives the same bits:
//
//   sum = sum_k (q[k] - x_zero_point) * w[n, k]
//   float y = act(fma(float(sum), x_scale * w_scale[n], bias[n]) + residual[n])
//           = act(fma(residual[n] - residual_zero_point, residual_scale, fma(...))) if it is uint8
//   uint8 y = clamp(round(r * float y) + y_zero_point, 0, 255), r = 1 / y_scale, half to even
//
// A linear or ReLU y without a float residual may be scaled before it is activated, at no cost at
// all, so its definition is that:
//
//   s = residual_scale * r, 0 without residual
//   uint8 y = clamp(round(act(fma(residual[n], s, fma(float(sum), x_scale * w_scale[n] * r,
//                                                     bias[n] * r - residual_zero_point * s)))) +
//             y_zero_point, 0, 255)
//
// The activations are the steps of kernels/activation_functions.h, so they are exact in this
// sense too: an error against float64, which stands there, but one and the same everywhere.
//
// bfloat16 weights: x is rounded to bfloat16, to the nearest and half to even, which may be
// infinity; the rest is as for float. Sums are float; each product is exact in it where it is
// not subnormal. Processors with VDPBF16PS take subnormal operands, products and sums for zeros.
//
// float weights: bias first, then the products in the order of the inputs; for small M
// (gemv.h) in another order, so that a row's last bits depend on how many there are. A NaN or
// an infinity in x meets every weight, also those that are not stored because they are zero, as it
// does in a dense product: 0 * inf is NaN.

#include <cstdint>
#include <memory>
#include <string>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/engine/gemv.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/engine/packed_layer.h"
#include "custom_ops/engine/registry.h"
#include "custom_ops/format/block_sparse_matrix.h"

namespace tfsparse {

template <typename T>
class SparseLayer {
 public:
  // For the best kernel of an ISA: on AMX it may be one of VNNI. Fails where Validate and
  // PackedLayer::Prepare do. The matrix is not needed afterwards.
  static Status Create(const BlockSparseMatrix<T>& matrix, Isa isa,
                       std::unique_ptr<const SparseLayer>* matmul,
                       const Threads& threads = Threads());

  // For a kernel of one's own choice that Accepts the block, and one for small M, if any.
  static Status Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       const GemvKernel<T>* gemv, std::unique_ptr<const SparseLayer>* matmul,
                       const Threads& threads = Threads());

  // Fails where CheckSizes or CheckQuantization do.
  Status Check(const LayerCall& call) const;

  // Fails, with y untouched, where Check does.
  Status Run(const LayerCall& call, const Threads& threads) const;

  // Runs a call that has passed Check.
  void RunChecked(const LayerCall& call, const Threads& threads) const;

  int64_t out() const { return prepared_.weights.out; }
  int64_t in() const { return prepared_.weights.in; }
  // Memory of the packed weights.
  int64_t bytes() const {
    return prepared_.weights.bytes() + (gemv_ == nullptr ? 0 : gemv_->bytes());
  }
  // The name of the kernel that runs a call of so many rows.
  const std::string& kernel_name(int64_t rows) const {
    return IsSmallM(rows) ? gemv_->kernel().name : prepared_.kernel.name;
  }
  // Whether such a call runs on the kernel for small M.
  bool IsSmallM(int64_t rows) const { return gemv_ != nullptr && rows <= gemv_->max_rows(); }
  // What any other call runs on.
  const PackedLayer<T>& prepared() const { return prepared_; }

 private:
  // Of a validated matrix.
  static Status Pack(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                     const Threads& threads, std::unique_ptr<SparseLayer>* matmul);
  void PackGemv(const BlockSparseMatrix<T>& matrix, const GemvKernel<T>* kernel,
                const Threads& threads);

  explicit SparseLayer(const Kernel<T>& kernel) : prepared_(kernel) {}

  PackedLayer<T> prepared_;
  std::unique_ptr<const Gemv<T>> gemv_;  // null if there is no kernel for it
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_SPARSE_LAYER_H_
