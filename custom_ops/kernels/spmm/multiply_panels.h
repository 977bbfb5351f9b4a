#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_PANELS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_PANELS_H_

// The one loop nest of all vector kernels: for every panel, a block of NR outputs by V
// vectors of 16 rows keeps its sums in registers while the panel's groups pass by. A
// group is loaded once (R registers of x), and each of its NR weights is broadcast and
// meets all of them: NR * R multiply-adds for R + NR loads.
//
// What a group is, a dot policy says: multiply_f32.h, multiply_interleave4.h,
// multiply_interleave2.h, multiply_bf16.h. A dot policy is a class over a vector type
// (vector_avx512.h, vector_avx2.h) with
//
//   Vector, Sum, X, Weight, Register   types: of a sum, of the tile, of the weights
//   kColumns, kWeights                 per group; weights per output
//   Load<V, First>(tile, column, x)    a group's x, from register First on, R registers
//   LoadWeight(w), Add(sum, x, weight)
//
// NR * R sums, R registers of x and a weight must fit: 32 registers with AVX-512, 16
// with AVX2. Where a tile's do not, a panel is gone through in passes of kPerPass registers
// of rows: in the later ones its weights and columns are in the first level of cache.
//
// This is text for files of one instruction set, not to be linked: all is local to them.

#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

// Fewer sums than this wait for each other: a multiply-add takes four cycles, and two begin in
// each. Whole numbers can be summed up in two parts.
template <class Sum, int kSums>
inline constexpr bool kTwoSums = static_cast<Sum>(0.5f) == Sum{0} && kSums < 8;

// Columns and weights come from the third level of cache where a layer has many of them, faster
// than the hardware fetches them ahead: so many groups at a time, from so many bytes on.
constexpr int kPrefetchGroups = 16;
constexpr int kPrefetchAhead = 1024;

template <int kBytes>
inline __attribute__((always_inline)) void PrefetchAhead(const void* at) {
  for (int i = 0; i < kBytes; i += 64) {
    __builtin_prefetch(static_cast<const char*>(at) + kPrefetchAhead + i);
  }
}

template <class DotPolicy, int NR, int V, int kPerPass, int First>
inline __attribute__((always_inline)) void MultiplyPanel(const MultiplyArgs& args,
                                                         const Panel& panel) {
  using Vector = typename DotPolicy::Vector;
  using Sum = typename DotPolicy::Sum;
  constexpr int kRows = V * kLanes;
  constexpr int kRegisters = kRows / Vector::kLanes;
  constexpr int kNext = First + kPerPass < kRegisters ? First + kPerPass : kRegisters;
  constexpr int R = kNext - First;
  const auto* tile = static_cast<const typename DotPolicy::X*>(args.tile);
  const auto* w = static_cast<const typename DotPolicy::Weight*>(args.values) + panel.value;
  const int32_t* column = args.columns + panel.column;
  const int64_t first = panel.out - args.first_out;
  const Sum* acc_init = static_cast<const Sum*>(args.acc_init) + first;
  typename DotPolicy::Register acc[NR][R];
  for (int h = 0; h < NR; ++h) {
    for (int r = 0; r < R; ++r) acc[h][r] = Vector::Broadcast(acc_init[h]);
  }
  const auto add_group = [&](auto& part) __attribute__((always_inline)) {
    typename DotPolicy::Register x[R];
    DotPolicy::template Load<V, First>(tile, column, x);
    for (int h = 0; h < NR; ++h) {
      const auto weight = DotPolicy::LoadWeight(w + h * DotPolicy::kWeights);
      for (int r = 0; r < R; ++r) part[h][r] = DotPolicy::Add(part[h][r], x[r], weight);
    }
    column += DotPolicy::kColumns;
    w += NR * DotPolicy::kWeights;
  };
  typename DotPolicy::Register odd[NR][R];
  constexpr bool kHasOdd = kTwoSums<Sum, NR * R>;
  for (int h = 0; h < NR && kHasOdd; ++h) {
    for (int r = 0; r < R; ++r) odd[h][r] = Vector::Broadcast(Sum{0});
  }
  const auto add_groups = [&](int64_t groups) __attribute__((always_inline)) {
    for (; groups >= 2 && kHasOdd; groups -= 2) {
      add_group(acc);
      add_group(odd);
    }
    for (; groups > 0; --groups) add_group(acc);
  };
  if (First == 0 && args.fetches_ahead) {
    for (int64_t left = panel.groups; left > 0; left -= kPrefetchGroups) {
      PrefetchAhead<kPrefetchGroups * DotPolicy::kColumns * sizeof(*column)>(column);
      PrefetchAhead<kPrefetchGroups * NR * DotPolicy::kWeights * sizeof(*w)>(w);
      add_groups(left < kPrefetchGroups ? left : kPrefetchGroups);
    }
  } else {
    add_groups(panel.groups);
  }
  if constexpr (kHasOdd) {
    for (int h = 0; h < NR; ++h) {
      for (int r = 0; r < R; ++r) acc[h][r] = Vector::Add(acc[h][r], odd[h][r]);
    }
  }
  Sum* to = static_cast<Sum*>(args.acc) + first * kRows + First * Vector::kLanes;
  for (int h = 0; h < NR; ++h) {
    for (int r = 0; r < R; ++r) Vector::Store(to + h * kRows + r * Vector::kLanes, acc[h][r]);
  }
  if constexpr (kNext < kRegisters) MultiplyPanel<DotPolicy, NR, V, kPerPass, kNext>(args, panel);
}

template <class DotPolicy, int NR, int V, int kPerPass>
void MultiplyPanels(const MultiplyArgs& args) {
  for (int64_t s = 0; s < args.num_panels; ++s) {
    MultiplyPanel<DotPolicy, NR, V, kPerPass, 0>(args, args.panels[s]);
  }
}

// More than any tile has: one pass.
constexpr int kAllRegisters = 64;

// The function for tiles of `vectors` vectors, a multiple of kMin up to kMax; otherwise null.
template <class DotPolicy, int NR, int kMin, int kMax, int kPerPass = kAllRegisters>
MultiplyFunction PickVectors(int vectors) {
  if constexpr (kMax < kMin) {
    return nullptr;
  } else {
    return vectors == kMax ? MultiplyPanels<DotPolicy, NR, kMax, kPerPass>
                           : PickVectors<DotPolicy, NR, kMin, kMax - kMin, kPerPass>(vectors);
  }
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_PANELS_H_
