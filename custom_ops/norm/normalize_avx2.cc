#include "custom_ops/norm/normalize_avx2.h"

#include <immintrin.h>

#include "custom_ops/kernels/vector_avx2.h"
#include "custom_ops/norm/normalize_rows.h"

namespace tfsparse {
namespace {

struct NormAvx2 : Avx2 {
  static inline F32 Subtract(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
  // The first `count` elements, `other` behind them.
  static inline F32 LoadOr(const float* p, int64_t count, F32 other) {
    if (count >= kLanes) return _mm256_loadu_ps(p);
    const I32 mask = Mask(count);
    return _mm256_blendv_ps(other, _mm256_maskload_ps(p, mask), AsFloats(mask));
  }
  // Halves onto each other, down to one.
  static inline float SumOfLanes(F32 v) {
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
  }
};

}  // namespace

void NormalizeAvx2(const NormalizeArgs& args) { NormalizeRows<NormAvx2>(args); }

}  // namespace tfsparse
