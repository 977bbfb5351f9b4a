#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_F32_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_F32_H_

// Float weights, one input per group; see multiply_panels.h. Tiles of kInterleave1. F32FromBf16 is
// the same for bfloat16 weights that were packed as the floats they are.
//
// The limit is two FMAs a cycle. Loads per FMA are (NR + R) / (NR * R), so a high panel
// needs few vectors (8 x 3: 0.46) and a single output many (1 x 8: 1.1, load-bound).
// NR * R >= 8 hides the FMA's latency.
//
// Tried with AVX2's 16 registers, FP32 16x4 85%, 192x1024x1024, on an Intel Xeon:
//
//   4 outputs x 1 vector (16 rows)                   0.69 ms   kept
//   4 x 4 vectors, a vector a pass                   0.82 ms   x comes from L2, not L1
//   4 x 3 vectors, 12 sums in 2 passes of 24 rows    0.91 ms   likewise
//
// so that a small tile beats more sums in flight and weights that are read less often.

#include <cstdint>
#include <cstring>

#include "custom_ops/kernels/spmm/multiply_panels.h"

namespace tfsparse {
namespace {

template <class V_>
struct F32 {
  using Vector = V_;
  using Register = typename Vector::F32;
  using X = float;
  using Weight = float;
  using Sum = float;
  static constexpr int kColumns = 1, kWeights = 1;

  template <int V, int First, int R>
  static inline __attribute__((always_inline)) void Load(const float* tile, const int32_t* column,
                                                         Register (&x)[R]) {
    const float* plane =
        tile + static_cast<int64_t>(column[0]) * (V * kLanes) + First * Vector::kLanes;
    for (int r = 0; r < R; ++r) x[r] = Vector::Load(plane + r * Vector::kLanes);
  }
  static inline __attribute__((always_inline)) Register LoadWeight(const float* w) {
    return Vector::Broadcast(*w);
  }
  static inline __attribute__((always_inline)) Register Add(Register sum, Register x,
                                                            Register weight) {
    return Vector::MultiplyAdd(x, weight, sum);
  }
};

template <class V_>
struct F32FromBf16 : F32<V_> {
  using Weight = uint16_t;
  static constexpr int kWeights = 2;

  static inline __attribute__((always_inline)) typename V_::F32 LoadWeight(const uint16_t* w) {
    float weight;
    std::memcpy(&weight, w, sizeof(weight));
    return V_::Broadcast(weight);
  }
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SPMM_MULTIPLY_F32_H_
