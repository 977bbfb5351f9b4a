#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_VECTOR_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_VECTOR_AVX512_H_

// The registers of AVX-512, and those of 256 bits with its masks, as depthwise_rows.h sees them,
// with VPMADDWD. Text for files of one instruction set, not to be linked.

#include <immintrin.h>

#include "custom_ops/conv/depthwise_rows.h"
#include "custom_ops/conv/depthwise_vector_avx2.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

struct DepthwiseVectorAvx512 : Avx512 {
  TFSPARSE_INLINE I32 Negate(I32 v) { return _mm512_sub_epi32(Zero(), v); }
  TFSPARSE_INLINE I32 MinBytes(I32 a, I32 b) { return _mm512_min_epu8(a, b); }
  TFSPARSE_INLINE I32 MaxBytes(I32 a, I32 b) { return _mm512_max_epu8(a, b); }
  TFSPARSE_INLINE I32 EvenBytes(I32 v) { return _mm512_and_si512(v, Broadcast(int32_t{0xff00ff})); }
  TFSPARSE_INLINE I32 OddBytes(I32 v) { return _mm512_srli_epi16(v, 8); }
  TFSPARSE_INLINE I32 EvenSignedBytes(I32 v) {
    return _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8);
  }
  TFSPARSE_INLINE I32 OddSignedBytes(I32 v) { return _mm512_srai_epi16(v, 8); }
  TFSPARSE_INLINE I32 DotQuads(I32 sum, I32 x, I32 w) {
    return DotQuadsByPairs<DepthwiseVectorAvx512>(sum, x, w);
  }
};

// Half as wide, for few channels.
struct DepthwiseVectorAvx512Narrow : DepthwiseVectorAvx2 {
  using Avx2::LoadSome;
  using Avx2::StoreSome;
  TFSPARSE_INLINE __mmask32 Mask32(int64_t count) {
    return count >= 32 ? ~__mmask32{0} : (__mmask32{1} << count) - 1;
  }
  TFSPARSE_INLINE I32 LoadSome(const uint8_t* p, int64_t count) {
    return _mm256_maskz_loadu_epi8(Mask32(count), p);
  }
  TFSPARSE_INLINE void StoreSome(uint8_t* p, I32 v, int64_t count) {
    _mm256_mask_storeu_epi8(p, Mask32(count), v);
  }
  TFSPARSE_INLINE I32 IndexOfPiece(I32 w) { return _mm256_srli_epi16(w, 11); }
  TFSPARSE_INLINE I32 LookUp(const ActivationTable& table, int n, I32 piece) {
    return _mm256_permutex2var_epi16(LoadInts(table.c[n]), piece, LoadInts(table.c[n] + 16));
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_VECTOR_AVX512_H_
