// Quads of int8 weights by few rows of uint8: see gemv_avx512.h. A lane holds a quad.

#include "custom_ops/kernels/gemv/gemv_avx512.h"
#include "custom_ops/kernels/isa/avx512vnni.h"

namespace tfsparse {
namespace {

struct U8S8 : OneColumn {
  static constexpr int64_t kValueBytes = sizeof(int8_t);

  static inline __attribute__((always_inline)) __m512i Add(__m512i a, __m512i b) {
    return _mm512_add_epi32(a, b);
  }

  static inline __attribute__((always_inline)) __m512i MultiplyAdd(__m512i acc, __m512i x,
                                                                   __m512i w) {
    return _mm512_dpbusd_epi32(acc, x, w);
  }
};

}  // namespace

GemvFunction GemvU8S8Avx512Vnni(int nr, int rows) { return PickGemv<U8S8>(nr, rows); }

}  // namespace tfsparse
