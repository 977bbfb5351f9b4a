#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_VECTOR_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_VECTOR_AVX2_H_

// The 256-bit registers as depthwise_rows.h sees them, with VPMADDWD. Text for files of one
// instruction set, not to be linked.

#include <immintrin.h>

#include "custom_ops/conv/depthwise_rows.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

struct DepthwiseVectorAvx2 : Avx2 {
  TFSPARSE_INLINE I32 Negate(I32 v) { return _mm256_sub_epi32(Zero(), v); }
  TFSPARSE_INLINE I32 MinBytes(I32 a, I32 b) { return _mm256_min_epu8(a, b); }
  TFSPARSE_INLINE I32 MaxBytes(I32 a, I32 b) { return _mm256_max_epu8(a, b); }
  TFSPARSE_INLINE I32 EvenBytes(I32 v) { return _mm256_and_si256(v, Broadcast(int32_t{0xff00ff})); }
  TFSPARSE_INLINE I32 OddBytes(I32 v) { return _mm256_srli_epi16(v, 8); }
  TFSPARSE_INLINE I32 EvenSignedBytes(I32 v) {
    return _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
  }
  TFSPARSE_INLINE I32 OddSignedBytes(I32 v) { return _mm256_srai_epi16(v, 8); }
  TFSPARSE_INLINE I32 DotQuads(I32 sum, I32 x, I32 w) {
    return DotQuadsByPairs<DepthwiseVectorAvx2>(sum, x, w);
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_VECTOR_AVX2_H_
