#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_

// Weights in the order in which a kernel reads them.
//
// A kernel works on strips of `height` outputs that share their inputs, and on
// one group of inputs at a time. A block row of A outputs becomes ceil(A /
// height) strips. A group is one input for float; for int8 it is four, because
// VPDPBUSD takes four: four neighbours (Layout::kQuads, blocks a multiple of
// four wide), or any four of the strip's inputs (Layout::kPlanes).
//
//   columns  per group: the input (float), the quad (kQuads), or four inputs
//   values   per group: [height] floats or [height][4] int8
//
// Outputs past the block or the matrix, inputs past the matrix, and the rest of
// a last group have weight zero. Strips of one block row share their columns.
//
// Cost: linear in the stored elements, in time and in memory. It is paid once
// per weight tensor; the matrix that was packed is not needed any more.

#include <cstdint>
#include <vector>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

template <typename T>
struct PackedWeights {
  // Inputs in a group, and columns that name them.
  static constexpr int kGroup = sizeof(T) == 1 ? 4 : 1;
  int columns_per_group() const { return layout == Layout::kQuads ? 1 : kGroup; }

  int64_t out = 0;
  int64_t in = 0;
  Layout layout = Layout::kPlanes;
  int height = 1;
  std::vector<Strip> strips;
  AlignedBuffer<int32_t> columns;
  AlignedBuffer<T> values;
};

// Packs a validated matrix. kQuads asks for T = int8 and a block width that is
// a multiple of four.
template <typename T>
PackedWeights<T> Pack(const BlockSparseMatrix<T>& matrix, Layout layout, int height);

extern template PackedWeights<float> Pack(const BlockSparseMatrix<float>&, Layout, int);
extern template PackedWeights<int8_t> Pack(const BlockSparseMatrix<int8_t>&, Layout, int);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_
