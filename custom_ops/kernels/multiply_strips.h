#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_STRIPS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_STRIPS_H_

// The one loop nest of all vector kernels: for every strip, a block of H outputs by V
// vectors of 16 rows keeps its sums in registers while the strip's groups pass by. A
// group is loaded once (R registers of x), and each of its H weights is broadcast and
// meets all of them: H * R multiply-adds for R + H loads.
//
// What a group is, an idea says: multiply_f32.h, multiply_quads.h, multiply_pairs.h,
// multiply_bf16.h. An idea is a class over a vector type (vector_avx512.h, vector_avx2.h) with
//
//   Vector, Sum, X, Weight, Register   types: of a sum, of the tile, of the weights
//   kColumns, kWeights                 per group; weights per output
//   Load<V, First>(tile, column, x)    a group's x, from register First on, R registers
//   LoadWeight(w), Add(sum, x, weight)
//
// H * R sums, R registers of x and a weight must fit: 32 registers with AVX-512, 16
// with AVX2. Where a tile's do not, a strip is gone through in passes of kPerPass registers
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

template <class Idea, int H, int V, int kPerPass, int First>
inline __attribute__((always_inline)) void MultiplyStrip(const MultiplyArgs& args,
                                                         const Strip& strip) {
  using Vector = typename Idea::Vector;
  using Sum = typename Idea::Sum;
  constexpr int kRows = V * kLanes;
  constexpr int kRegisters = kRows / Vector::kLanes;
  constexpr int kNext = First + kPerPass < kRegisters ? First + kPerPass : kRegisters;
  constexpr int R = kNext - First;
  const auto* tile = static_cast<const typename Idea::X*>(args.tile);
  const auto* w = static_cast<const typename Idea::Weight*>(args.values) + strip.value;
  const int32_t* column = args.columns + strip.column;
  const int64_t first = strip.out - args.first_out;
  const Sum* init = static_cast<const Sum*>(args.init) + first;
  typename Idea::Register sums[H][R];
  for (int h = 0; h < H; ++h) {
    for (int r = 0; r < R; ++r) sums[h][r] = Vector::Broadcast(init[h]);
  }
  const auto add_group = [&](auto& to) __attribute__((always_inline)) {
    typename Idea::Register x[R];
    Idea::template Load<V, First>(tile, column, x);
    for (int h = 0; h < H; ++h) {
      const auto weight = Idea::LoadWeight(w + h * Idea::kWeights);
      for (int r = 0; r < R; ++r) to[h][r] = Idea::Add(to[h][r], x[r], weight);
    }
    column += Idea::kColumns;
    w += H * Idea::kWeights;
  };
  int64_t groups = strip.groups;
  if constexpr (kTwoSums<Sum, H * R>) {
    typename Idea::Register odd[H][R];
    for (int h = 0; h < H; ++h) {
      for (int r = 0; r < R; ++r) odd[h][r] = Vector::Zero();
    }
    for (; groups >= 2; groups -= 2) {
      add_group(sums);
      add_group(odd);
    }
    for (int h = 0; h < H; ++h) {
      for (int r = 0; r < R; ++r) sums[h][r] = Vector::Add(sums[h][r], odd[h][r]);
    }
  }
  for (; groups > 0; --groups) add_group(sums);
  Sum* acc = static_cast<Sum*>(args.acc) + first * kRows + First * Vector::kLanes;
  for (int h = 0; h < H; ++h) {
    for (int r = 0; r < R; ++r) Vector::Store(acc + h * kRows + r * Vector::kLanes, sums[h][r]);
  }
  if constexpr (kNext < kRegisters) MultiplyStrip<Idea, H, V, kPerPass, kNext>(args, strip);
}

template <class Idea, int H, int V, int kPerPass>
void MultiplyStrips(const MultiplyArgs& args) {
  for (int64_t s = 0; s < args.num_strips; ++s) {
    MultiplyStrip<Idea, H, V, kPerPass, 0>(args, args.strips[s]);
  }
}

// More than any tile has: one pass.
constexpr int kAllRegisters = 64;

// The function for tiles of `vectors` vectors, a multiple of kMin up to kMax; otherwise null.
template <class Idea, int H, int kMin, int kMax, int kPerPass = kAllRegisters>
MultiplyFunction PickVectors(int vectors) {
  if constexpr (kMax < kMin) {
    return nullptr;
  } else {
    return vectors == kMax ? MultiplyStrips<Idea, H, kMax, kPerPass>
                           : PickVectors<Idea, H, kMin, kMax - kMin, kPerPass>(vectors);
  }
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_STRIPS_H_
