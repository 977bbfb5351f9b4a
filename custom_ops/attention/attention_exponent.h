#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_EXPONENT_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_EXPONENT_H_

// exp(x) for x <= 0, a softmax's.
//
// exp(x) = 2^n (1 + p), n = round(x log2 e), p = 2^f - 1 a polynomial in what is left, f, without
// a constant term, so that exp(0) is 1. Against that of activation_functions.h, log2 e is one float
// and not the sum of two, and the polynomial is shorter: a softmax asks for an error that is small
// beside its greatest exponential, which is 1, and a large -x has a small one.
//
// Relative error against float64 (attention_exponent_test.cc measures it), for x > -87:
//
//   kFloat32     2.5e-7 + 1.5e-8 |x|
//   kBFloat16    1.1e-4 + 1.5e-8 |x|, to be rounded to bfloat16, by up to 4e-3
//
// Below -87.4 the result is 0 or has lost its last bits; NaN stays NaN. The polynomials are minimax
// fits (Lawson's reweighted least squares in float64), rounded to float32.
//
// Cost: 8 and 6 operations on the multipliers, 3 others.
//
// This header is for files of every instruction set: what it defines is local to them.

#include "custom_ops/kernels/activation_functions.h"

namespace tfsparse {
namespace {

enum class ExponentFor { kFloat32, kBFloat16 };

// L: lanes, as in activation_functions.h.
template <class L, ExponentFor kFor>
inline __attribute__((always_inline)) typename L::F Exponent(typename L::F x) {
  using F = typename L::F;
  constexpr float kLog2E = 0x1.715476p+0f;
  constexpr float kLeast = -127.2f / kLog2E;  // gives n = -127, for which the power is 0
  // Adding it rounds to a whole number, which is then in the low bits, biased as an exponent.
  constexpr float kShift = 12582912.0f + 127.0f;
  static constexpr float kLong[] = {0.693147f, 0.24022242f, 0.055507336f, 0.009671513f,
                                    0.0013264727f};
  static constexpr float kShort[] = {0.6932829f, 0.24221097f, 0.05500893f};
  const F clamped = L::Max(L::Broadcast(kLeast), x);
  const F shifted = L::MultiplyAdd(clamped, L::Broadcast(kLog2E), L::Broadcast(kShift));
  const F n = L::Subtract(shifted, L::Broadcast(kShift));
  const F f = L::MultiplySubtract(clamped, L::Broadcast(kLog2E), n);
  const F p = L::Multiply(
      f, kFor == ExponentFor::kFloat32 ? Polynomial<L>(kLong, f) : Polynomial<L>(kShort, f));
  const F power = L::ExponentFromLowBits(shifted);
  return L::MultiplyAdd(power, p, power);
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_EXPONENT_H_
