#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_VECTOR_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_VECTOR_AVX2_H_

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// What the lookup interaction needs of registers of 256 bits besides; interaction_vector_avx512.h
// has the same members.
struct InteractAvx2 : Avx2 {
  static constexpr int kRows = 4;  // of a tile of dots, two registers wide

  TFSPARSE_INLINE F32 Subtract(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
  TFSPARSE_INLINE F32 Divide(F32 a, F32 b) { return _mm256_div_ps(a, b); }
  TFSPARSE_INLINE I32 Subtract(I32 a, I32 b) { return _mm256_sub_epi32(a, b); }
  TFSPARSE_INLINE I32 Multiply(I32 a, I32 b) { return _mm256_mullo_epi32(a, b); }
  TFSPARSE_INLINE F32 Multiply(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
  TFSPARSE_INLINE I32 Xor(I32 a, I32 b) { return _mm256_xor_si256(a, b); }
  TFSPARSE_INLINE F32 Abs(F32 v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }
  TFSPARSE_INLINE float MaxOfLanes(F32 v) {
    const __m128 b = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
  }

  // `count` elements at the most; zeros behind them.
  TFSPARSE_INLINE I32 LoadS8(const void* p, int64_t count) {
    return _mm256_cvtepi8_epi32(LoadPart<8>(p, count));
  }
  TFSPARSE_INLINE F32 LoadBf16(const void* p, int64_t count) {
    return AsFloats(_mm256_slli_epi32(_mm256_cvtepu16_epi32(LoadPart<16>(p, 2 * count)), 16));
  }
  // Whole numbers of 8 bits, signed, and of 16 bits; bfloat16, rounded. kLanes of them.
  TFSPARSE_INLINE void StoreS8(void* p, I32 v) {
    const __m128i half = Narrow(v);
    _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi16(half, half));
  }
  TFSPARSE_INLINE void StoreS16(void* p, I32 v) {
    _mm_storeu_si128(static_cast<__m128i*>(p), Narrow(v));
  }

 private:
  TFSPARSE_INLINE __m128i Narrow(I32 v) {
    return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  }
  template <int64_t kBytes>
  TFSPARSE_INLINE __m128i LoadPart(const void* p, int64_t bytes) {
    if (bytes >= kBytes) {
      return kBytes == 8 ? _mm_loadl_epi64(static_cast<const __m128i*>(p))
                         : _mm_loadu_si128(static_cast<const __m128i*>(p));
    }
    alignas(16) char part[16] = {};
    if (bytes > 0) std::memcpy(part, p, static_cast<size_t>(bytes));
    return _mm_load_si128(reinterpret_cast<const __m128i*>(part));
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_VECTOR_AVX2_H_
