#ifndef TFSPARSE_CUSTOM_OPS_BASE_BFLOAT16_H_
#define TFSPARSE_CUSTOM_OPS_BASE_BFLOAT16_H_

#include <cmath>
#include <cstdint>
#include <cstring>

namespace tfsparse {

// The upper half of a float's bits: its range, and eight bits of precision. Not for files
// compiled for other instruction sets (see kernels/kernel_args.h).
struct BFloat16 {
  uint16_t bits;

  bool operator==(BFloat16 other) const { return ToFloat() == other.ToFloat(); }

  float ToFloat() const {
    const uint32_t wide = uint32_t{bits} << 16;
    float value;
    std::memcpy(&value, &wide, sizeof(value));
    return value;
  }
};

// The nearest one, the even one of two; NaN stays NaN. A float beyond the largest by half a
// step or more becomes infinite.
inline BFloat16 RoundToBFloat16(float value) {
  uint32_t wide;
  std::memcpy(&wide, &value, sizeof(wide));
  if (std::isnan(value)) return {static_cast<uint16_t>(wide >> 16 | 0x40)};
  return {static_cast<uint16_t>((wide + 0x7fff + (wide >> 16 & 1)) >> 16)};
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_BFLOAT16_H_
