// Float weights by small M: see gemv_avx512.h.

#include "custom_ops/kernels/gemv/gemv_avx512.h"
#include "custom_ops/kernels/isa/avx512.h"

namespace tfsparse {
namespace {

struct F32 : OneColumn {
  static constexpr int64_t kValueBytes = sizeof(float);

  static inline __attribute__((always_inline)) __m512i Add(__m512i a, __m512i b) {
    return _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b)));
  }

  static inline __attribute__((always_inline)) __m512i MultiplyAdd(__m512i acc, __m512i x,
                                                                   __m512i w) {
    return _mm512_castps_si512(
        _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(w), _mm512_castsi512_ps(acc)));
  }
};

// bfloat16 weights that were packed as floats, two of them for each.
struct F32FromBf16 : F32 {
  static constexpr int64_t kValueBytes = sizeof(uint16_t);
};

}  // namespace

GemvFunction GemvF32Avx512(int nr, int rows) { return PickGemv<F32>(nr, rows); }

GemvFunction GemvBf16Interleave1Avx512(int nr, int rows) { return PickGemv<F32FromBf16>(nr, rows); }

}  // namespace tfsparse
