#include "benchmarks/peak.h"

#include <immintrin.h>

namespace tfsparse {

void MultiplyAddF32(int64_t steps) {
  __m512 sums[kPeakChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512 x = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < steps; ++i) {
    for (__m512& sum : sums) {
      sum = _mm512_fmadd_ps(x, x, sum);
      asm volatile("" : "+v"(sum));  // every one of them is executed
    }
  }
}

void MultiplyAddU8S8(int64_t steps) {
  __m512i sums[kPeakChains];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const __m512i x = _mm512_set1_epi32(1);
  for (int64_t i = 0; i < steps; ++i) {
    for (__m512i& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, x, x);
      asm volatile("" : "+v"(sum));
    }
  }
}

}  // namespace tfsparse
