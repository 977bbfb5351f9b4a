#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_LANES_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_LANES_AVX2_H_

#include <immintrin.h>

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// Eight floats, as activation_functions.h sees them; lanes_avx512.h has the same members.
struct LanesAvx2 {
  using F = __m256;

  TFSPARSE_INLINE F Broadcast(float value) { return _mm256_set1_ps(value); }
  TFSPARSE_INLINE F Add(F a, F b) { return _mm256_add_ps(a, b); }
  TFSPARSE_INLINE F Subtract(F a, F b) { return _mm256_sub_ps(a, b); }
  TFSPARSE_INLINE F Multiply(F a, F b) { return _mm256_mul_ps(a, b); }
  TFSPARSE_INLINE F MultiplyAdd(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  TFSPARSE_INLINE F MultiplySubtract(F a, F b, F c) { return _mm256_fmsub_ps(a, b, c); }
  TFSPARSE_INLINE F NegatedMultiplyAdd(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }
  TFSPARSE_INLINE F Max(F a, F b) { return _mm256_max_ps(a, b); }
  TFSPARSE_INLINE F Min(F a, F b) { return _mm256_min_ps(a, b); }
  TFSPARSE_INLINE F NegatedAbs(F x) { return _mm256_or_ps(x, Signs()); }
  // Of `magnitude` >= 0.
  TFSPARSE_INLINE F WithSignOf(F magnitude, F sign) {
    return _mm256_or_ps(magnitude, _mm256_and_ps(sign, Signs()));
  }
  TFSPARSE_INLINE F SelectNegative(F sign, F negative, F positive) {
    return _mm256_blendv_ps(positive, negative, sign);
  }
  // The low bits, moved to where the exponent stands.
  TFSPARSE_INLINE F ExponentFromLowBits(F x) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), 23));
  }

 private:
  TFSPARSE_INLINE F Signs() { return _mm256_set1_ps(-0.0f); }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_LANES_AVX2_H_
