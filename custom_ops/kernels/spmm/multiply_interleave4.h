#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_INTERLEAVE4_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_INTERLEAVE4_H_

// uint8 x times int8 weights by VPDPBUSD, which adds four products to each 32-bit sum:
// its operands are quads, four inputs of a row in a lane of one register, four weights of
// one output broadcast to all lanes. See multiply_panels.h.
//
// Quads. Where blocks are a multiple of four inputs wide, the tile holds the quads ready
// made, and the kernel is two VPDPBUSD a cycle, as for float.
//
// GatheredQuads. Where they are not (4x1, 1x1, 2x3, ...), any four columns of a panel make
// a group. Four inputs, each one register of bytes, are interleaved by eight byte and word
// unpacks into four registers of quads. Eight shuffles feed 4 * NR VPDPBUSD, so with 512
// bits, where shuffles take a port from VPDPBUSD, NR = 4 is at most 16 of 24 vector
// instructions; the inputs are stored in the order that makes the unpacks' result come
// out sorted (kernel_args.h).
//
// With 16 registers a group's quads for NR >= 4 are made in two passes over the panel, two
// registers each: the shuffles stay as many per VPDPBUSD, and inputs are loaded twice. For
// NR <= 2 one pass for all four is better (2x1 75%: 0.48 ms against 0.66; 1x1 90%: 0.34
// against 0.53).
//
// The vector type has one function more, DotQuads: VPDPBUSD is another instruction for
// 256 bits (AVX-VNNI) than for 512.

#include <cstring>

#include "custom_ops/kernels/spmm/multiply_panels.h"

namespace tfsparse {
namespace {

template <class V_>
struct Quads {
  using Vector = V_;
  using Register = typename Vector::I32;
  using X = uint8_t;
  using Weight = int8_t;
  using Sum = int32_t;
  static constexpr int kColumns = 1, kWeights = 4;
  static constexpr int kBytes = 4 * Vector::kLanes;

  template <int V, int First, int R>
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         Register (&x)[R]) {
    const uint8_t* quads =
        tile + static_cast<int64_t>(column[0]) * (V * kLanes * 4) + First * kBytes;
    for (int r = 0; r < R; ++r) x[r] = Vector::LoadInts(quads + r * kBytes);
  }
  static inline __attribute__((always_inline)) Register LoadWeight(const int8_t* w) {
    int32_t quad;
    std::memcpy(&quad, w, sizeof(quad));
    return Vector::Broadcast(quad);
  }
  static inline __attribute__((always_inline)) Register Add(Register sum, Register x,
                                                            Register weight) {
    return Vector::DotQuads(sum, x, weight);
  }
};

// Where there are two passes, the first takes the low halves of the bytes, the
// second the high ones.
template <class V_>
struct GatheredQuads : Quads<V_> {
  using Vector = V_;
  using Register = typename Vector::I32;
  static constexpr int kColumns = 4;

  template <int V, int First, int R>
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         Register (&x)[R]) {
    static_assert(V * kLanes == 4 * Vector::kLanes && R % 2 == 0);
    Register plane[4];
    for (int i = 0; i < 4; ++i) {
      plane[i] = Vector::LoadInts(tile + static_cast<int64_t>(column[i]) * (V * kLanes));
    }
    if constexpr (First == 0) {
      const Register low01 = Vector::InterleaveLow8(plane[0], plane[1]);
      const Register low23 = Vector::InterleaveLow8(plane[2], plane[3]);
      x[0] = Vector::InterleaveLow16(low01, low23);
      x[1] = Vector::InterleaveHigh16(low01, low23);
    }
    if constexpr (First + R == 4) {
      const Register high01 = Vector::InterleaveHigh8(plane[0], plane[1]);
      const Register high23 = Vector::InterleaveHigh8(plane[2], plane[3]);
      x[R - 2] = Vector::InterleaveLow16(high01, high23);
      x[R - 1] = Vector::InterleaveHigh16(high01, high23);
    }
  }
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_INTERLEAVE4_H_
