#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_

// Weights in the order in which a kernel reads them.
//
// A kernel works on strips of `height` outputs that share their inputs, and on
// one group of inputs at a time. A block row of A outputs becomes ceil(A /
// height) strips. A group is one input for float. For int8 it is as many as an
// instruction takes: four for VPDPBUSD (Layout::kQuads, kPlanes), two for
// VPMADDWD (kPairs, kWidePlanes); neighbours where the tile has them side by side
// (kQuads, kPairs: blocks a multiple of four, or two, wide), else any of the strip's.
// For bfloat16 it is two for VDPBF16PS (kPairs, kWidePlanes), likewise, and one where
// kernels for float multiply (kPlanes).
//
//   columns  per group: its number (kQuads, kPairs), or its inputs
//   values   per group: [height] floats, [height][4] int8, [height][2] int16 in
//            the bytes of twice as many int8, [height][2] bfloat16, or [height] floats in
//            the bytes of twice as many bfloat16
//
// For few rows of x (Layout::kWindows) a group is a window: up to group() of the
// strip's inputs, all among kWindowReach consecutive ones.
//
//   columns  per group: its first input, then a byte for each: how far it is from the first
//   values   per group: [height][group()] int8
//
// Outputs past the block or the matrix, inputs past the matrix, and the rest of
// a last group have weight zero. That rest is input 0 for int8; for bfloat16, whose zero makes
// NaN of an infinity, it is the first input that the strip does not store, which met a zero
// anyway, or the one behind the last. Strips of one block row share their columns.
//
// Cost: linear in the stored elements, in time and in memory, and shared among threads, which
// write block rows each. The same bytes for any number of threads. It is paid once per weight
// tensor; the matrix that was packed is not needed any more.

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/bfloat16.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/kernels/layout.h"

namespace tfsparse {

template <typename T>
struct PackedWeights {
  // Elements of `values` in a group, per output.
  int group_values() const {
    if (layout == Layout::kWindows) return 64 / std::min(height, kWindowOutputs);
    return static_cast<int>(4 / sizeof(T));
  }
  // Elements of `values` for a weight.
  int width() const {
    if (std::is_same_v<T, BFloat16>) return layout == Layout::kPlanes ? 2 : 1;
    return IsWide(layout) ? 2 : 1;
  }
  // Inputs in a group, and the integers in `columns` that name them.
  int group() const { return group_values() / width(); }
  int columns_per_group() const {
    if (layout == Layout::kWindows) return 1 + group() / 4;
    return IsGathered(layout) ? group() : 1;
  }
  // What it takes of memory.
  int64_t bytes() const {
    return static_cast<int64_t>(strips.size() * sizeof(Strip) + columns.size() * sizeof(int32_t) +
                                values.size() * sizeof(T));
  }

  int64_t out = 0;
  int64_t in = 0;
  Layout layout = Layout::kPlanes;
  int height = 1;
  std::vector<Strip> strips;
  AlignedBuffer<int32_t> columns;
  AlignedBuffer<T> values;
};

// Packs a validated matrix. kQuads and kPairs ask for a block width that is a multiple
// of four and two; float asks for kPlanes, and bfloat16 for that, kPairs or kWidePlanes.
// kWindows asks for a height of 1, 2, or a multiple of 4.
template <typename T>
PackedWeights<T> Pack(const BlockSparseMatrix<T>& matrix, Layout layout, int height,
                      const Threads& threads = Threads());

// The groups of all strips that Pack would make.
template <typename T>
int64_t CountGroups(const BlockSparseMatrix<T>& matrix, Layout layout, int height);

extern template PackedWeights<float> Pack(const BlockSparseMatrix<float>&, Layout, int,
                                          const Threads&);
extern template PackedWeights<BFloat16> Pack(const BlockSparseMatrix<BFloat16>&, Layout, int,
                                             const Threads&);
extern template PackedWeights<int8_t> Pack(const BlockSparseMatrix<int8_t>&, Layout, int,
                                           const Threads&);
extern template int64_t CountGroups(const BlockSparseMatrix<int8_t>&, Layout, int);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_
