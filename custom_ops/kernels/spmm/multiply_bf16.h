#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_BF16_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_BF16_H_

// bfloat16 x times bfloat16 weights by VDPBF16PS, which adds two products to each float sum, the
// second of a pair first, and rounds after each. Its operands are pairs, two inputs of a row in
// a lane of one register, two weights of one output broadcast to all lanes: those of
// multiply_interleave2.h, ready made or gathered. See multiply_panels.h.
//
// Cost: two a cycle on Zen 5, as many as FMAs, so twice the products that float has, from half
// the bytes. What a panel costs beside its groups weighs twice, since it has half of them.
//
// Gathered pairs need two unpacks for 2 * NR VDPBF16PS of 32 rows. With NR >= 4 they find ports of
// their own. Tried, in percent of the peak, K = N, one core of Zen 5:
//
//   4x1 90% 1024   4 outputs x 4 vectors 85 to 87   kept
//                  4 x 6                 83         sums in flight are not what is missing
//   8x1 90% 1024   4 x 4                 88 to 91
//                  8 x 2                 89 to 90   kept, also for its weights, which serve few
//                  rows
//   8x1 90% 4096   8 x 2                 96         x comes from L2, half as often
//                  4 x 6                 78
//   2x1 75% 1024   2 x 8                 59         kept; bound by L2, as float is
//                  2 x 6, 2 x 4          57, 58
//   16x4 85% 1024  pairs 8 x 3           93 to 95   kept; gathered 4 x 4: 92
//   16x4 85% 2048  pairs 8 x 3           90         4 x 4: 76
//
// Not taken: pairs from planes of 32 bits by a masked load over another one, which needs no
// shuffle, but twice the bytes from L2.

#include <cstdint>
#include <cstring>

#include "custom_ops/kernels/spmm/multiply_interleave2.h"

namespace tfsparse {
namespace {

// `Loads` says where the pairs come from: Pairs or GatheredPairs.
template <class Loads>
struct Bf16 : Loads {
  using Vector = typename Loads::Vector;
  using Register = typename Vector::F32;
  using Weight = uint16_t;
  using Sum = float;
  static constexpr int kWeights = 2;

  template <int V, int First, int R>
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         Register (&x)[R]) {
    typename Vector::I32 pairs[R];
    Loads::template Load<V, First>(tile, column, pairs);
    for (int r = 0; r < R; ++r) x[r] = Vector::AsFloats(pairs[r]);
  }
  static inline __attribute__((always_inline)) Register LoadWeight(const uint16_t* w) {
    int32_t pair;
    std::memcpy(&pair, w, sizeof(pair));
    return Vector::AsFloats(Vector::Broadcast(pair));
  }
  static inline __attribute__((always_inline)) Register Add(Register sum, Register x,
                                                            Register weight) {
    return Vector::DotBf16(sum, x, weight);
  }
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_BF16_H_
