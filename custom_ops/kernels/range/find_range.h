#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_RANGE_FIND_RANGE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_RANGE_FIND_RANGE_H_

// Plain code without a branch, which the compiler turns into the vectors of whichever instruction
// set it compiles for.

#include <cstdint>

#include "custom_ops/kernels/range/range.h"

namespace tfsparse {
namespace {

// Widens a range by a value; one that is not finite leaves it alone.
inline __attribute__((always_inline)) void Include(float value, float* min, float* greatest) {
  constexpr float kMax = 0x1.fffffep127f;
  const float finite = __builtin_fabsf(value) <= kMax ? value : 0.0f;  // NaN compares as false
  *min = finite < *min ? finite : *min;
  *greatest = finite > *greatest ? finite : *greatest;
}

// In as many ranges at a time as hide how long a comparison takes.
inline __attribute__((always_inline)) Range FindRange(const float* x, int64_t count) {
  constexpr int kAtATime = 64;
  float min[kAtATime] = {}, greatest[kAtATime] = {};
  int64_t i = 0;
  for (; i + kAtATime <= count; i += kAtATime) {
    for (int j = 0; j < kAtATime; ++j) Include(x[i + j], &min[j], &greatest[j]);
  }
  Range range;
  for (; i < count; ++i) Include(x[i], &range.min, &range.greatest);
  for (int j = 0; j < kAtATime; ++j) {
    Include(min[j], &range.min, &range.greatest);
    Include(greatest[j], &range.min, &range.greatest);
  }
  return range;
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_RANGE_FIND_RANGE_H_
