#ifndef TFSPARSE_CUSTOM_OPS_CONV_CONV_H_
#define TFSPARSE_CUSTOM_OPS_CONV_CONV_H_

// y = act(conv(x, W) + bias + residual) with block-sparse W, NHWC: a product whose rows of x are
// patches of images (patch_source.h).
//
// W is a matrix (filters, kernel height * kernel width * channels of a group), the channel fastest.
// A convolution is to the last bit the product of the patches by it, which matmul.h defines; the
// padding of a quantized x is its zero point.
//
// Each group is a product of its own, of weights of its own, that reads some channels of x and
// writes some of y. A convolution by 1x1 kernels without stride and padding is the product of x as
// it lies. Where the pixels are so few that kernels for few rows take them, the patches are copied.
//
// Create validates and packs weights once. Run is const, keeps no state and may be called from many
// threads at a time.

#include <cstdint>
#include <memory>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/matmul/matmul.h"
#include "custom_ops/matmul/matmul_call.h"

namespace tfsparse {

struct ConvCall {
  ConvGeometry geometry;
  // As of a product by all filters: x is [batch, height, width, channels], y and the residual are
  // [batch, height.out(), width.out(), filters]. Rows, strides and source are the convolution's.
  MatmulCall call;
};

template <typename T>
class Conv {
 public:
  // For the best kernel of a path. Fails where CheckGroups and Matmul::Create do.
  static Status Create(const BlockSparseMatrix<T>& matrix, Path path,
                       std::unique_ptr<const Conv>* conv, const Threads& threads,
                       int64_t groups = 1);

  // For a kernel of one's own choice that Accepts the block, and one for few rows, if any.
  static Status Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       const FewRowsKernel<T>* few_rows, std::unique_ptr<const Conv>* conv,
                       const Threads& threads, int64_t groups = 1);

  // Fails, with y untouched, where Validate and Matmul::Check do, and where the geometry is not
  // that of the weights.
  Status Run(const ConvCall& call, const Threads& threads) const;

  // Of the whole matrix.
  int64_t out() const { return groups() * matmuls_[0]->out(); }
  int64_t in() const { return matmuls_[0]->in(); }
  int64_t groups() const { return static_cast<int64_t>(matmuls_.size()); }
  // A group's.
  const Matmul<T>& matmul(int64_t group) const { return *matmuls_[group]; }

 private:
  template <class Create>
  static Status CreateGroups(const BlockSparseMatrix<T>& matrix, int64_t groups,
                             const Create& create, std::unique_ptr<const Conv>* conv);

  Status Check(const ConvCall& call) const;
  MatmulCall GroupCall(const ConvCall& call, int64_t group) const;
  void RunGroup(const ConvCall& call, int64_t group, const Threads& threads) const;

  std::vector<std::unique_ptr<const Matmul<T>>> matmuls_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_CONV_H_
