#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_LANES_SCALAR_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_LANES_SCALAR_H_

#include <cmath>
#include <cstdint>
#include <cstring>

namespace tfsparse {
namespace {

// One float, as activation_functions.h sees it; lanes_avx512.h has the same members. Not for
// files compiled for other instruction sets (see kernel_args.h).
struct LanesScalar {
  using F = float;

  static F Broadcast(float value) { return value; }
  static F Add(F a, F b) { return a + b; }
  static F Subtract(F a, F b) { return a - b; }
  static F Multiply(F a, F b) { return a * b; }
  static F MultiplyAdd(F a, F b, F c) { return std::fma(a, b, c); }
  static F MultiplySubtract(F a, F b, F c) { return std::fma(a, b, -c); }
  static F NegatedMultiplyAdd(F a, F b, F c) { return std::fma(-a, b, c); }
  // The second operand where one is NaN, as the vector instructions have it.
  static F Max(F a, F b) { return a > b ? a : b; }
  static F Min(F a, F b) { return a < b ? a : b; }
  static F NegatedAbs(F x) { return FromBits(Bits(x) | kSign); }
  // Of `magnitude` >= 0.
  static F WithSignOf(F magnitude, F sign) {
    return FromBits(Bits(magnitude) | (Bits(sign) & kSign));
  }
  static F SelectNegative(F sign, F negative, F positive) {
    return (Bits(sign) & kSign) != 0 ? negative : positive;
  }
  // The low bits, moved to where the exponent stands.
  static F ExponentFromLowBits(F x) { return FromBits(Bits(x) << 23); }

 private:
  static constexpr uint32_t kSign = 0x80000000u;

  static uint32_t Bits(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    return bits;
  }
  static float FromBits(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof(x));
    return x;
  }
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_LANES_SCALAR_H_
