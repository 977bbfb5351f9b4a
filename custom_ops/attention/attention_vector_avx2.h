#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_VECTOR_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_VECTOR_AVX2_H_

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// What attention needs of registers of 256 bits besides; attention_vector_avx512.h has the same
// members.
struct VectorAvx2 : Avx2 {
  using Mask = __m256;

  // Rows of sums whose V registers each are kept at a time (attention_product.h), of 16.
  static constexpr int Height(int vectors) { return vectors == 2 ? 6 : 12; }

  // Lanes of register v of those that the bits stand for.
  TFSPARSE_INLINE Mask Bits(uint64_t bits, int v) {
    const I32 of_lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const I32 set =
        _mm256_and_si256(Broadcast(static_cast<int32_t>(bits >> (kLanes * v))), of_lanes);
    return AsFloats(_mm256_cmpeq_epi32(set, of_lanes));
  }
  TFSPARSE_INLINE Mask First(int64_t count) { return AsFloats(Avx2::Mask(count)); }
  TFSPARSE_INLINE F32 Select(Mask mask, F32 yes, F32 no) { return _mm256_blendv_ps(no, yes, mask); }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_VECTOR_AVX2_H_
