#include "benchmarks/peak.h"

#include <immintrin.h>

#include <chrono>

namespace tfsparse {
namespace {

// More than latency x throughput of the multiply-add, fewer than registers.
constexpr int kChains = 16;
constexpr int kSteps = 1 << 19;

template <class Step>
double Measure(double operations_per_step, Step step) {
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kSteps; ++i) step();
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    const double rate = operations_per_step * kSteps / time.count();
    best = rate > best ? rate : best;
  }
  return best;
}

}  // namespace

double MeasurePeakF32() {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512 x = _mm512_set1_ps(0.5f);
  return Measure(2.0 * 16 * kChains, [&] {
    for (__m512& sum : sums) {
      sum = _mm512_fmadd_ps(x, x, sum);
      asm volatile("" : "+v"(sum));  // every one of them is executed
    }
  });
}

double MeasurePeakU8S8() {
  __m512i sums[kChains];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const __m512i x = _mm512_set1_epi32(1);
  return Measure(2.0 * 64 * kChains, [&] {
    for (__m512i& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, x, x);
      asm volatile("" : "+v"(sum));
    }
  });
}

}  // namespace tfsparse
