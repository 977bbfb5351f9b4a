#ifndef TFSPARSE_CUSTOM_OPS_CONV_POOLING_REFERENCE_H_
#define TFSPARSE_CUSTOM_OPS_CONV_POOLING_REFERENCE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "custom_ops/conv/pooling.h"

namespace tfsparse {

// What pooling.h defines, in whole numbers.

// Of the places of a window that are in the image.
inline uint8_t PooledPlace(const PoolCall& call, int64_t image, int64_t row, int64_t column,
                           int64_t c) {
  int64_t sum = 0, count = 0, most = 0;
  const int64_t first_y = row * call.height.stride - call.height.before;
  const int64_t first_x = column * call.width.stride - call.width.before;
  for (int64_t y = 0; y < call.height.size; ++y) {
    for (int64_t x = 0; x < call.width.size; ++x) {
      if (y < first_y || y - first_y >= call.height.kernel) continue;
      if (x < first_x || x - first_x >= call.width.kernel) continue;
      const int64_t value =
          call.x[((image * call.height.size + y) * call.width.size + x) * call.channels + c];
      sum += value, ++count, most = std::max(most, value);
    }
  }
  if (call.pooling == Pooling::kMax) return static_cast<uint8_t>(most);
  const int64_t below = sum / count, twice = 2 * (sum % count);
  const bool rounds_up = twice > count || (twice == count && below % 2 == 1);
  return static_cast<uint8_t>(below + (rounds_up ? 1 : 0));
}

inline std::vector<uint8_t> PooledByDefinition(const PoolCall& call) {
  std::vector<uint8_t> y;
  if (call.channels == 0) return y;
  for (int64_t image = 0; image < call.batch; ++image) {
    for (int64_t row = 0; row < call.height.out(); ++row) {
      for (int64_t column = 0; column < call.width.out(); ++column) {
        for (int64_t c = 0; c < call.channels; ++c) {
          y.push_back(PooledPlace(call, image, row, column, c));
        }
      }
    }
  }
  return y;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_POOLING_REFERENCE_H_
