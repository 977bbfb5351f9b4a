#include "custom_ops/calibration/activation_range.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/isa/avx512.h"
#include "custom_ops/kernels/range/find_range.h"

namespace tfsparse {
namespace {

// A slice is worth sharing out, and all slices' ranges fit on the stack.
constexpr int64_t kMinSlice = 1 << 14;
constexpr int64_t kMaxSlices = 64;
constexpr int64_t kValuesPerCycle = 4;

Range FindRangeOn(Isa isa, const float* x, int64_t count) {
  if (Includes(isa, Isa::kAvx512)) return FindRangeAvx512(x, count);
  if (Includes(isa, Isa::kAvx2)) return FindRangeAvx2(x, count);
  return FindRange(x, count);
}

}  // namespace

Range MeasureRange(const float* x, int64_t count, Isa isa, const Threads& threads) {
  const int64_t slices = std::clamp<int64_t>(count / kMinSlice, 1, kMaxSlices);
  const int64_t size = count / slices;  // the last one has the rest as well
  std::array<Range, kMaxSlices> ranges;
  threads.Run(slices, size / kValuesPerCycle, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t values = i + 1 < slices ? size : count - i * size;
      ranges[i] = FindRangeOn(isa, x + i * size, values);
    }
  });
  Range range;
  for (int64_t i = 0; i < slices; ++i) {
    range.min = std::min(range.min, ranges[i].min);
    range.greatest = std::max(range.greatest, ranges[i].greatest);
  }
  return range;
}

ActivationParams ParamsOf(const Range& range) {
  // As double, as the rule says: the extent may exceed float.
  const double min = range.min, extent = double{range.greatest} - min;
  const auto scale = static_cast<float>(extent / 255);
  if (scale < std::numeric_limits<float>::min()) return {};
  const double zero_point = std::rint(-min / double{scale});
  return {scale, static_cast<int32_t>(std::clamp(zero_point, 0.0, 255.0))};
}

}  // namespace tfsparse
