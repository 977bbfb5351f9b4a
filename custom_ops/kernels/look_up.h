#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_LOOK_UP_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_LOOK_UP_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "custom_ops/kernels/activation_table.h"

namespace tfsparse {

// The definition of looking up in an ActivationTable, which every kernel matches bit for bit.
// `w` is finite. Not for files compiled for other instruction sets (see kernel_args.h).
inline uint8_t LookUpU8(const ActivationTable& table, float w) {
  const auto saturated = [](int32_t v) { return std::clamp(v, -32768, 32767); };
  const auto times = [](int32_t a, int32_t b) { return (a * b + 0x4000) >> 15; };
  const int32_t input = static_cast<int32_t>(std::nearbyint(std::clamp(w, -32768.0f, 32767.0f)));
  const int piece = (input & 0xffff) >> 11;
  const int32_t f = (input & 0x7ff) * 32 - 32768;
  const int32_t slope = saturated(table.c[1][piece] + times(f, table.c[2][piece]));
  const int32_t y = saturated(table.c[0][piece] + times(f, slope));
  return static_cast<uint8_t>(std::clamp(y >> kTableFraction, 0, 255));
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_LOOK_UP_H_
