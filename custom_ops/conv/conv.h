#ifndef TFSPARSE_CUSTOM_OPS_CONV_CONV_H_
#define TFSPARSE_CUSTOM_OPS_CONV_CONV_H_

// y = act(conv(x, W) + bias + residual) with block-sparse W, NHWC: a product whose rows of x are
// patches of images (patch_source.h).
//
// W is a matrix (filters, kernel height * kernel width * channels of a group), the channel fastest.
// A convolution is to the last bit the product of the patches by it, which engine/sparse_layer.h
// defines; the padding of a quantized x is its zero point.
//
// Each group is a product of its own, of weights of its own, that reads some channels of x and
// writes some of y. With int8 weights narrow groups are joined (filter_group.h); with float ones a
// NaN would reach the groups beside its own. A convolution by 1x1 kernels without stride and
// padding is the product of x as it lies. Where the pixels are so few that kernels for small M
// take them, the patches are copied.
//
// Create validates and packs weights once. Run is const, keeps no state and may be called from many
// threads at a time.

#include <cstdint>
#include <memory>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/conv/filter_group.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/format/block_sparse_matrix.h"

namespace tfsparse {

struct ConvCall {
  ConvGeometry geometry;
  // As of a product by all filters: x is [batch, height, width, channels], y and the residual are
  // [batch, height.out(), width.out(), filters]. Rows, strides and source are the convolution's.
  LayerCall call;
};

template <typename T>
class Conv {
 public:
  // For the best kernel of an ISA. Fails where CheckGroups and SparseLayer::Create do.
  static Status Create(const BlockSparseMatrix<T>& matrix, Isa isa,
                       std::unique_ptr<const Conv>* conv, const Threads& threads,
                       const FilterGroups& groups = {});

  // For a kernel of one's own choice that Accepts the block, and one for small M, if any.
  static Status Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       const GemvKernel<T>* gemv, std::unique_ptr<const Conv>* conv,
                       const Threads& threads, const FilterGroups& groups = {});

  // Fails, with y untouched, where Validate and SparseLayer::Check do, and where the geometry is
  // not that of the weights.
  Status Run(const ConvCall& call, const Threads& threads) const;

  // Of the whole matrix.
  int64_t out() const { return out_; }
  int64_t in() const { return in_; }
  int64_t groups() const { return groups_; }
  // Products, each of as many groups.
  int64_t products() const { return static_cast<int64_t>(matmuls_.size()); }
  const SparseLayer<T>& product(int64_t number) const { return *matmuls_[number]; }

 private:
  template <class Make>
  static Status CreateProducts(const BlockSparseMatrix<T>& matrix, const FilterGroups& groups,
                               const Make& make, std::unique_ptr<const Conv>* conv);

  Status Check(const ConvCall& call) const;
  bool PacksPixelsOften(const ConvCall& call) const;
  ConvCall Quantized(const ConvCall& call, const Threads& threads) const;
  void RunChecked(const ConvCall& call, const Threads& threads) const;
  ConvGeometry Joined(const ConvGeometry& geometry) const;
  LayerCall ProductCall(const ConvCall& call, const ConvGeometry& joined, int64_t number) const;
  void RunProduct(const ConvCall& call, int64_t number, const Threads& threads) const;

  int64_t out_ = 0, in_ = 0, groups_ = 1;
  std::vector<std::unique_ptr<const SparseLayer<T>>> matmuls_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_CONV_H_
