#include "custom_ops/norm/normalize_avx512.h"

#include <immintrin.h>

#include "custom_ops/kernels/vector_avx512.h"
#include "custom_ops/norm/normalize_rows.h"

namespace tfsparse {
namespace {

struct NormAvx512 : Avx512 {
  static inline F32 Subtract(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  // The first `count` elements, `other` behind them.
  static inline F32 LoadOr(const float* p, int64_t count, F32 other) {
    return _mm512_mask_loadu_ps(other, Mask16(count), p);
  }
  // Halves onto each other, down to one.
  static inline float SumOfLanes(F32 v) {
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
  }
};

}  // namespace

void NormalizeAvx512(const NormalizeArgs& args) { NormalizeRows<NormAvx512>(args); }

}  // namespace tfsparse
