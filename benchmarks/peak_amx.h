#ifndef TFSPARSE_BENCHMARKS_PEAK_AMX_H_
#define TFSPARSE_BENCHMARKS_PEAK_AMX_H_

#include <cstdint>

namespace tfsparse {

// As in peak.h: each step is eight products of tile registers. Needs AMX-INT8, and the
// system's permission to use tiles.
inline constexpr double kProductsPerStepAmx = 16.0 * 16 * 64 * 8;

void MultiplyAddAmx(int64_t steps);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_PEAK_AMX_H_
