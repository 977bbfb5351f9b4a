#ifndef TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_AXIS_H_
#define TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_AXIS_H_

#include <cstdint>
#include <initializer_list>

#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/fuzz/random.h"

namespace tfsparse {

// A window along an axis of a small image, or, where `spoilt`, with one number of any value. As an
// op pads it: as SAME does only where the window is valid.
inline ConvAxis RandomAxis(Random& random, bool has_dilation, bool spoilt) {
  ConvAxis axis;
  axis.size = random.Chance(0.05) ? 0 : random.Int(1, 12);
  axis.kernel = random.Chance(0.6) ? random.Pick<int64_t>({1, 2, 3}) : random.Int(1, 7);
  axis.stride = random.Pick<int64_t>({1, 1, 2, 3});
  if (has_dilation) axis.dilation = random.Pick<int64_t>({1, 1, 1, 2, 3});
  if (random.Chance(0.4)) axis.before = random.Int(0, axis.kernel);
  if (random.Chance(0.4)) axis.after = random.Int(0, axis.kernel);
  if (spoilt) {
    int64_t* const numbers[] = {&axis.size,   &axis.kernel, &axis.stride,
                                &axis.before, &axis.after,  &axis.dilation};
    int64_t* const number = numbers[random.Int(0, has_dilation ? 5 : 4)];
    *number = random.Chance(0.5) ? random.EdgeInt64() : random.Int(-1, 40);
  }
  if (random.Chance(0.3) && axis.size >= 0 && ValidateWindow(axis, "axis").ok()) axis.PadToSame();
  return axis;
}

// The product of sizes as a tensor's may be: 0 where one of them is, and -1 where it is more than
// there is memory for in a quick test.
inline int64_t Elements(std::initializer_list<int64_t> sizes) {
  constexpr int64_t kMost = 1 << 16;
  for (int64_t size : sizes) {
    if (size == 0) return 0;
  }
  int64_t product = 1;
  for (int64_t size : sizes) {
    if (size < 0 || size > kMost / product) return -1;
    product *= size;
  }
  return product;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_AXIS_H_
