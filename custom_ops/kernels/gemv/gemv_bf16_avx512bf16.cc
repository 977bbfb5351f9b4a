// bfloat16 weights by small M: see gemv_avx512.h. A lane holds a pair.
//
// Pairs. Rows of bfloat16: two neighbours are a lane as they lie.
//
// Gathered. Rows of floats that are rounded to bfloat16, so that each is its bfloat16 in the
// upper half of 32 bits, above zeros. Read two bytes further on it is in the lower half, below
// the zeros of the next: a pair of any two elements is two broadcasts and an OR.

#include "custom_ops/kernels/gemv/gemv_avx512.h"
#include "custom_ops/kernels/isa/avx512bf16.h"

namespace tfsparse {
namespace {

struct Bf16Pairs : OneColumn {
  static constexpr int64_t kValueBytes = sizeof(uint16_t);

  static inline __attribute__((always_inline)) __m512i Add(__m512i a, __m512i b) {
    return _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b)));
  }

  static inline __attribute__((always_inline)) __m512i MultiplyAdd(__m512i acc, __m512i x,
                                                                   __m512i w) {
    return _mm512_castps_si512(
        _mm512_dpbf16_ps(_mm512_castsi512_ps(acc), (__m512bh)x, (__m512bh)w));
  }
};

struct Bf16Gathered : Bf16Pairs {
  static constexpr int kColumns = 2;

  template <int NR>
  static inline __attribute__((always_inline)) __m512i Pick(const char* row, const int32_t* column,
                                                            int count) {
    return _mm512_or_si512(PickGroups<NR, 2>(row + 2, column, count),
                           PickGroups<NR, 2>(row, column + 1, count));
  }
};

}  // namespace

GemvFunction GemvBf16Interleave2Avx512Bf16(int nr, int rows) {
  return PickGemv<Bf16Pairs>(nr, rows);
}

GemvFunction GemvBf16GatheredAvx512Bf16(int nr, int rows) {
  return PickGemv<Bf16Gathered>(nr, rows);
}

}  // namespace tfsparse
