#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_VECTOR_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_VECTOR_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// What the lookup interaction needs of registers of 512 bits besides.
struct InteractAvx512 : Avx512 {
  static constexpr int kRows = 8;  // of a tile of dots, two registers wide

  TFSPARSE_INLINE F32 Subtract(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  TFSPARSE_INLINE F32 Divide(F32 a, F32 b) { return _mm512_div_ps(a, b); }
  TFSPARSE_INLINE I32 Subtract(I32 a, I32 b) { return _mm512_sub_epi32(a, b); }
  TFSPARSE_INLINE I32 Multiply(I32 a, I32 b) { return _mm512_mullo_epi32(a, b); }
  TFSPARSE_INLINE F32 Multiply(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
  TFSPARSE_INLINE I32 Xor(I32 a, I32 b) { return _mm512_xor_si512(a, b); }
  TFSPARSE_INLINE F32 Abs(F32 v) { return _mm512_abs_ps(v); }
  TFSPARSE_INLINE float MaxOfLanes(F32 v) { return _mm512_reduce_max_ps(v); }

  // `count` elements at the most; zeros behind them.
  TFSPARSE_INLINE I32 LoadS8(const void* p, int64_t count) {
    return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(Mask16(count), p));
  }
  TFSPARSE_INLINE F32 LoadBf16(const void* p, int64_t count) {
    const __m256i halves = _mm256_maskz_loadu_epi16(Mask16(count), p);
    return AsFloats(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  // Whole numbers of 8 bits, signed, and of 16 bits; bfloat16, rounded. kLanes of them.
  TFSPARSE_INLINE void StoreS8(void* p, I32 v) {
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v));
  }
  TFSPARSE_INLINE void StoreS16(void* p, I32 v) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi32_epi16(v));
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_VECTOR_AVX512_H_
