#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_VECTOR_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_VECTOR_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// What attention needs of registers of 512 bits besides; attention_vector_avx2.h has the same
// members.
struct VectorAvx512 : Avx512 {
  using Mask = __mmask16;

  // Rows of sums whose V registers each are kept at a time (attention_product.h), of 32.
  static constexpr int Height(int vectors) { return vectors == 4 ? 6 : vectors == 3 ? 8 : 12; }

  // Lanes of register v of those that the bits stand for.
  TFSPARSE_INLINE Mask Bits(uint64_t bits, int v) {
    return static_cast<Mask>(bits >> (kLanes * v));
  }
  TFSPARSE_INLINE Mask First(int64_t count) { return Mask16(count); }
  TFSPARSE_INLINE F32 Select(Mask mask, F32 yes, F32 no) {
    return _mm512_mask_blend_ps(mask, no, yes);
  }
  // Lanes in [0, 255] as bytes, `count` of them at the most.
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_VECTOR_AVX512_H_
