#include "benchmarks/peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "benchmarks/peak_amx.h"
#include "custom_ops/base/cpu_features.h"

namespace tfsparse {
namespace {

// More than latency times throughput, and with x and one register more at most 16.
constexpr int kChains = 12;

// Defines a loop of `steps` times kChains of `expression` on `sum` and `x`. The empty
// assembly hides what both are from the compiler, so that every one is executed.
#define TFSPARSE_PEAK_LOOP(name, instructions, type, zero, one, expression) \
  __attribute__((target(instructions))) void name(int64_t steps) {          \
    type acc[kChains];                                                      \
    for (type& sum : acc) sum = zero;                                       \
    type x = one;                                                           \
    for (int64_t i = 0; i < steps; ++i) {                                   \
      for (type& sum : acc) {                                               \
        sum = expression;                                                   \
        asm volatile("" : "+x"(sum), "+x"(x));                              \
      }                                                                     \
    }                                                                       \
  }

TFSPARSE_PEAK_LOOP(F32Avx2, "avx2,fma", __m256, _mm256_setzero_ps(), _mm256_set1_ps(0.5f),
                   _mm256_fmadd_ps(x, x, sum))
TFSPARSE_PEAK_LOOP(F32Avx512, "avx512f", __m512, _mm512_setzero_ps(), _mm512_set1_ps(0.5f),
                   _mm512_fmadd_ps(x, x, sum))
TFSPARSE_PEAK_LOOP(Bf16Avx512Bf16, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(),
                   _mm512_set1_ps(0.5f), _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)x))
TFSPARSE_PEAK_LOOP(PairsAvx2, "avx2", __m256i, _mm256_setzero_si256(), _mm256_set1_epi16(1),
                   _mm256_add_epi32(sum, _mm256_madd_epi16(x, x)))
TFSPARSE_PEAK_LOOP(PairsAvx512, "avx512bw", __m512i, _mm512_setzero_si512(), _mm512_set1_epi16(1),
                   _mm512_add_epi32(sum, _mm512_madd_epi16(x, x)))
TFSPARSE_PEAK_LOOP(QuadsAvx2Vnni, "avx2,avxvnni", __m256i, _mm256_setzero_si256(),
                   _mm256_set1_epi8(1), _mm256_dpbusd_avx_epi32(sum, x, x))
TFSPARSE_PEAK_LOOP(QuadsAvx512Vnni, "avx512vnni", __m512i, _mm512_setzero_si512(),
                   _mm512_set1_epi8(1), _mm512_dpbusd_epi32(sum, x, x))

// An ISA's loop and the products of one of its steps.
struct Loop {
  void (*run)(int64_t steps) = nullptr;
  double products = 0;
};

Loop LoopF32(Isa isa) {
  if (Includes(isa, Isa::kAvx512)) return {F32Avx512, 16 * kChains};
  if (Includes(isa, Isa::kAvx2)) return {F32Avx2, 8 * kChains};
  return {};
}

Loop LoopBf16(Isa isa) {
  if (Includes(isa, Isa::kAvx512Bf16)) return {Bf16Avx512Bf16, 32 * kChains};
  return LoopF32(isa);
}

Loop LoopU8S8(Isa isa) {
  if (Includes(isa, Isa::kAvx512Vnni)) return {QuadsAvx512Vnni, 64 * kChains};
  if (Includes(isa, Isa::kAvx512)) return {PairsAvx512, 32 * kChains};
  if (Includes(isa, Isa::kAvx2Vnni)) return {QuadsAvx2Vnni, 32 * kChains};
  if (Includes(isa, Isa::kAvx2)) return {PairsAvx2, 16 * kChains};
  return {};
}

// The best of many, each so short that some are not interrupted.
double Measure(const Loop& loop) {
  constexpr int64_t kSteps = 1 << 15;
  if (loop.run == nullptr) return 0;
  double best = 0;
  for (int repeat = 0; repeat < 100; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    loop.run(kSteps);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2 * loop.products * kSteps / time.count());
  }
  return best;
}

}  // namespace

double PeakF32(Isa isa) { return Measure(LoopF32(isa)); }
double PeakBf16(Isa isa) { return Measure(LoopBf16(isa)); }
double PeakU8S8(Isa isa) { return Measure(LoopU8S8(isa)); }
double PeakAmx() {
  return GetCpuFeatures().amx ? Measure({MultiplyAddAmx, kProductsPerStepAmx}) : 0;
}

}  // namespace tfsparse
