#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_

// Weights in the order in which a kernel reads them.
//
// A kernel works on panels of `NR` outputs that share their inputs, and on
// one group of inputs at a time. A block row of A outputs becomes ceil(A /
// NR) panels. A group is one input for float. For int8 it is as many as an
// instruction takes: four for VPDPBUSD, two for VPMADDWD, whose operands have 16 bits. Groups are
// neighbours where the tile interleaves them (kConsecutive: blocks a multiple of four, or two,
// wide), else any of the panel's inputs (kGathered). For bfloat16 it is two for VDPBF16PS,
// likewise, and one where kernels for float multiply.
//
//   columns  per group: its number (kConsecutive), or its inputs
//   values   per group: [NR] floats, [NR][4] int8, [NR][2] int16 in
//            the bytes of twice as many int8, [NR][2] bfloat16, or [NR] floats in
//            the bytes of twice as many bfloat16
//
// For small M (WeightPacking::kPermuteWindows) a group is a window: up to group() of the
// panel's inputs, all among kWindowReach consecutive ones.
//
//   columns  per group: its first input, then a byte for each: how far it is from the first
//   values   per group: [NR][group()] int8
//
// Outputs past the block or the matrix, inputs past the matrix, and the rest of
// a last group have weight zero. That rest is input 0 for int8; for bfloat16, whose zero makes
// NaN of an infinity, it is the first input that the panel does not store, which met a zero
// anyway, or the one behind the last. Panels of one block row share their columns.
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
#include "custom_ops/format/weight_format.h"

namespace tfsparse {

template <typename T>
struct PackedWeights {
  // Elements of `values` in a group, per output.
  int group_values() const { return GroupValues<T>(format); }
  // Elements of `values` for a weight.
  int width() const { return WeightWidth<T>(format); }
  // Inputs in a group, and the integers in `columns` that name them.
  int group() const { return GroupInputs<T>(format); }
  int columns_per_group() const {
    if (format.packing == WeightPacking::kPermuteWindows) return 1 + group() / 4;
    return format.packing == WeightPacking::kGathered ? group() : 1;
  }
  // What it takes of memory.
  int64_t bytes() const {
    return static_cast<int64_t>(panels.size() * sizeof(Panel) + columns.size() * sizeof(int32_t) +
                                values.size() * sizeof(T));
  }

  int64_t out = 0;
  int64_t in = 0;
  WeightFormat format;
  std::vector<Panel> panels;
  AlignedBuffer<int32_t> columns;
  AlignedBuffer<T> values;
};

// Packs a validated matrix into a format that Accepts its blocks, but for kAmxTiles. Windows ask
// for an NR of 1, 2, or a multiple of 4.
template <typename T>
PackedWeights<T> Pack(const BlockSparseMatrix<T>& matrix, const WeightFormat& format,
                      const Threads& threads = Threads());

// The groups of all panels that Pack would make.
template <typename T>
int64_t CountGroups(const BlockSparseMatrix<T>& matrix, const WeightFormat& format);

extern template PackedWeights<float> Pack(const BlockSparseMatrix<float>&, const WeightFormat&,
                                          const Threads&);
extern template PackedWeights<BFloat16> Pack(const BlockSparseMatrix<BFloat16>&,
                                             const WeightFormat&, const Threads&);
extern template PackedWeights<int8_t> Pack(const BlockSparseMatrix<int8_t>&, const WeightFormat&,
                                           const Threads&);
extern template int64_t CountGroups(const BlockSparseMatrix<int8_t>&, const WeightFormat&);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_PACKED_WEIGHTS_H_
