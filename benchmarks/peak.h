#ifndef TFSPARSE_BENCHMARKS_PEAK_H_
#define TFSPARSE_BENCHMARKS_PEAK_H_

#include <cstdint>

namespace tfsparse {

// The most that one core does: independent 512-bit multiply-adds on registers. Each
// function makes `steps` steps of kOperationsPerStep..., 2 operations per product.
// Need AVX-512, and AVX-512 VNNI.
inline constexpr int kPeakChains = 16;  // more than latency times throughput
inline constexpr double kOperationsPerStepF32 = 2.0 * 16 * kPeakChains;
inline constexpr double kOperationsPerStepU8S8 = 2.0 * 64 * kPeakChains;

void MultiplyAddF32(int64_t steps);
void MultiplyAddU8S8(int64_t steps);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_PEAK_H_
