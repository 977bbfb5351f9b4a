#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_INTERLEAVE2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_INTERLEAVE2_H_

// uint8 x times int8 weights, exactly, where there is no VPDPBUSD: both widened to 16
// bits, VPMADDWD multiplies pairs of them and adds each pair's products in 32 bits, and
// VPADDD adds that to the sums. See multiply_panels.h.
//
// Cost: 32 products of 512 bits take two instructions, a quarter of VPDPBUSD's rate and
// as many products a cycle as float has; with 256 bits half as many again, since there
// VPADDD has a port of its own.
//
// Pairs. Where blocks are a multiple of two inputs wide, the tile holds the pairs ready
// made: twice the bytes of quads, and nothing to do but multiply.
//
// GatheredPairs. Otherwise any two columns of a panel make a group: two inputs of 16 bits
// are interleaved by two unpacks into two registers of pairs. Their order is that
// of the packs that narrow lanes to 16 bits, which the unpacks undo (kernel_args.h).
//
// Not taken: VPMADDUBSW, which multiplies bytes, adds pairs of products in 16 bits, and
// saturates them there (2 * 255 * 127 is twice what they hold). Exact forms of it need x
// or w in two parts, and with the widening that follows they are five instructions for 64
// products, where this is four.
//
// Measured on an Intel Xeon, the core's peak in int8 products on registers: 159 GOP/s
// with 256 bits and 224 with 512, where VPDPBUSD has 460 and 839 and float 113 and 221.

#include <cstring>

#include "custom_ops/kernels/spmm/multiply_panels.h"

namespace tfsparse {
namespace {

template <class V_>
struct Pairs {
  using Vector = V_;
  using Register = typename Vector::I32;
  using X = uint8_t;  // bytes of 16-bit elements
  using Weight = int8_t;
  using Sum = int32_t;
  static constexpr int kColumns = 1, kWeights = 4;
  static constexpr int kBytes = 4 * Vector::kLanes;

  template <int V, int First, int R>
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         Register (&x)[R]) {
    const uint8_t* pairs =
        tile + static_cast<int64_t>(column[0]) * (V * kLanes * 4) + First * kBytes;
    for (int r = 0; r < R; ++r) x[r] = Vector::LoadInts(pairs + r * kBytes);
  }
  static inline __attribute__((always_inline)) Register LoadWeight(const int8_t* w) {
    int32_t pair;
    std::memcpy(&pair, w, sizeof(pair));
    return Vector::Broadcast(pair);
  }
  static inline __attribute__((always_inline)) Register Add(Register sum, Register x,
                                                            Register weight) {
    return Vector::Add(sum, Vector::DotPairs(x, weight));
  }
};

template <class V_>
struct GatheredPairs : Pairs<V_> {
  using Vector = V_;
  using Register = typename Vector::I32;
  static constexpr int kColumns = 2;

  template <int V, int First, int R>
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         Register (&x)[R]) {
    static_assert(First % 2 == 0 && R % 2 == 0);
    const uint8_t* from = tile + First / 2 * Pairs<V_>::kBytes;
    const uint8_t* first = from + static_cast<int64_t>(column[0]) * (V * kLanes * 2);
    const uint8_t* second = from + static_cast<int64_t>(column[1]) * (V * kLanes * 2);
    for (int r = 0; r < R; r += 2) {
      const Register a = Vector::LoadInts(first + r / 2 * Pairs<V_>::kBytes);
      const Register b = Vector::LoadInts(second + r / 2 * Pairs<V_>::kBytes);
      x[r] = Vector::InterleaveLow16(a, b);
      x[r + 1] = Vector::InterleaveHigh16(a, b);
    }
  }
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_INTERLEAVE2_H_
