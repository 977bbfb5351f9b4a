#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_LANES_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_LANES_AVX512_H_

#include <immintrin.h>

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// Sixteen floats, as activation_functions.h sees them; lanes_scalar.h has the same members.
struct LanesAvx512 {
  using F = __m512;

  TFSPARSE_INLINE F Broadcast(float value) { return _mm512_set1_ps(value); }
  TFSPARSE_INLINE F Add(F a, F b) { return _mm512_add_ps(a, b); }
  TFSPARSE_INLINE F Subtract(F a, F b) { return _mm512_sub_ps(a, b); }
  TFSPARSE_INLINE F Multiply(F a, F b) { return _mm512_mul_ps(a, b); }
  TFSPARSE_INLINE F MultiplyAdd(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  TFSPARSE_INLINE F MultiplySubtract(F a, F b, F c) { return _mm512_fmsub_ps(a, b, c); }
  TFSPARSE_INLINE F NegatedMultiplyAdd(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
  TFSPARSE_INLINE F Max(F a, F b) { return _mm512_max_ps(a, b); }
  TFSPARSE_INLINE F Min(F a, F b) { return _mm512_min_ps(a, b); }
  TFSPARSE_INLINE F NegatedAbs(F x) { return _mm512_or_ps(x, Signs()); }
  // Of `magnitude` >= 0.
  TFSPARSE_INLINE F WithSignOf(F magnitude, F sign) {
    return _mm512_or_ps(magnitude, _mm512_and_ps(sign, Signs()));
  }
  TFSPARSE_INLINE F SelectNegative(F sign, F negative, F positive) {
    return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(sign)), positive,
                                negative);
  }
  // The low bits, moved to where the exponent stands.
  TFSPARSE_INLINE F ExponentFromLowBits(F x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), 23));
  }

 private:
  TFSPARSE_INLINE F Signs() { return _mm512_set1_ps(-0.0f); }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_LANES_AVX512_H_
