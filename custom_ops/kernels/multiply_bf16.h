#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_BF16_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_BF16_H_

#include <cstdint>
#include <cstring>

#include "custom_ops/kernels/multiply_pairs.h"

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

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_BF16_H_
