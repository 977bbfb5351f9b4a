#ifndef TFSPARSE_CUSTOM_OPS_BASE_FLOAT_TEXT_H_
#define TFSPARSE_CUSTOM_OPS_BASE_FLOAT_TEXT_H_

// Floats for error messages, subnormal ones included. TensorFlow's threads take subnormal numbers
// for zeros, in conversions and comparisons too, so both steps look at the bits.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>

namespace tfsparse {

inline uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// Whether a float is not zero, but smaller than the smallest float of full precision.
inline bool IsSubnormal(float value) {
  const uint32_t magnitude = BitsOf(value) & 0x7fffffff;
  return magnitude != 0 && magnitude < 0x00800000;
}

inline std::string FloatText(float value) {
  std::ostringstream text;
  if (IsSubnormal(value)) {
    const uint32_t bits = BitsOf(value);
    const double magnitude = std::ldexp(static_cast<double>(bits & 0x7fffffff), -149);
    text << (bits >> 31 ? -magnitude : magnitude);
  } else {
    text << value;
  }
  return text.str();
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_FLOAT_TEXT_H_
