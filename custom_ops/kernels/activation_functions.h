#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ACTIVATION_FUNCTIONS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ACTIVATION_FUNCTIONS_H_

// The activations, written once for all instruction sets.
//
// `L` is a set of lanes: lanes_scalar.h, lanes_avx2.h, lanes_avx512.h. Each of its members rounds
// once, as IEEE 754 says, so the same steps in the same order give the same bits in every set
// of lanes. That is why there is no reciprocal estimate here, and no library function.
//
// Formulas. erf, exp and sigmoid are textbook definitions (NIST DLMF 7.2.1, 4.2); GELU and its
// tanh form are Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415; SiLU is
// x * sigmoid(x), the same paper. The polynomials are ours: minimax fits in Chebyshev bases
// (Lawson's reweighted least squares in float64), rounded to float32.
//
//   GELU       x * Phi(x), Phi(x) = 1/2 + x * P(x^2 - h) for |x| <= c and 0 or 1 beyond. It
//              needs no exponential and no division: one polynomial of degree 14, taken about
//              the middle h of x^2, where its terms are small and do not cancel. At c,
//              c * P is 1/2 or a hair above: 1/2 + c * P rounds to 1, and 1/2 - c * P is made 0,
//              so nothing is left of a large negative x.
//   exp(-a)    2^n * (1 + p), n = round(-a log2 e) and p = 2^f - 1 a polynomial without a
//              constant term: 1 - exp(-a) keeps its relative accuracy near 0, which tanh needs.
//   1 / d      for 1 <= d <= 2: a cubic, off by 0.2%, and one step r (1 + e + e^2) of the
//              series in e = 1 - d r: six operations on the multipliers, where a division
//              blocks the divider for 16 cycles.
//   sigmoid    of t = exp(-|x|): 1 / (1 + t), or t / (1 + t) for x < 0
//   tanh       (1 - t) / (1 + t) for t = exp(-2 |x|), with the sign of x
//
// Error against float64, over all of float32 (activation_functions_test.cc measures it):
//
//   relu, relu6              none
//   sigmoid                  1.2e-7
//   tanh                     3e-7 of |y|
//   gelu, gelu_tanh, silu    2e-7 of |x|
//
// NaN stays NaN; an infinity gives the limit.
//
// Cost, in operations per vector: GELU 22, sigmoid 26, tanh 25, SiLU 28, tanh GELU 31.
//
// This header is for files of every instruction set (see kernel_args.h): what it defines is
// local to them.

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// coefficients[0] + v * (coefficients[1] + v * ...)
template <class L, int N>
TFSPARSE_INLINE typename L::F Polynomial(const float (&coefficients)[N], typename L::F v) {
  typename L::F sum = L::Broadcast(coefficients[N - 1]);
#pragma GCC unroll 16
  for (int i = N - 2; i >= 0; --i) sum = L::MultiplyAdd(sum, v, L::Broadcast(coefficients[i]));
  return sum;
}

// exp(-a) = power * (1 + rest).
template <class L>
struct Exponential {
  typename L::F power, rest;
};

// exp(kTimes * x) for x <= 0, with kTimes 1 or 2. 0 where it would be below 2^-126.
template <class L, int kTimes>
TFSPARSE_INLINE Exponential<L> Exp(typename L::F x) {
  using F = typename L::F;
  // log2(e) as the sum of two floats.
  constexpr float kHigh = kTimes * 0x1.715476p+0f, kLow = kTimes * 0x1.4ae0cp-26f;
  constexpr float kMin = -127.2f / kHigh;  // gives n = -127, for which power is 0
  // A float of this size ends at the units: adding rounds to a whole number, and what is left
  // of the bits is the number, biased as an exponent.
  constexpr float kShift = 12582912.0f + 127.0f;
  static constexpr float kRest[] = {0.6931472f,   0.24022649f,   0.055503573f,
                                    0.009618238f, 0.0013390735f, 0.00015403512f};
  const F clamped = L::Max(L::Broadcast(kMin), x);
  const F shifted = L::MultiplyAdd(clamped, L::Broadcast(kHigh), L::Broadcast(kShift));
  const F n = L::Subtract(shifted, L::Broadcast(kShift));
  const F high = L::MultiplySubtract(clamped, L::Broadcast(kHigh), n);
  const F f = L::MultiplyAdd(clamped, L::Broadcast(kLow), high);
  return {L::ExponentFromLowBits(shifted), L::Multiply(f, Polynomial<L>(kRest, f))};
}

// 1 / d for d in [1, 2].
template <class L>
TFSPARSE_INLINE typename L::F Reciprocal(typename L::F d) {
  using F = typename L::F;
  static constexpr float kEstimate[] = {2.8284226f, -2.9393409f, 1.3310222f, -0.22183701f};
  const F r = Polynomial<L>(kEstimate, d);
  const F e = L::NegatedMultiplyAdd(d, r, L::Broadcast(1.0f));
  return L::MultiplyAdd(r, L::MultiplyAdd(e, e, e), r);
}

template <class L>
TFSPARSE_INLINE typename L::F Sigmoid(typename L::F x) {
  using F = typename L::F;
  const Exponential<L> e = Exp<L, 1>(L::NegatedAbs(x));
  const F t = L::MultiplyAdd(e.power, e.rest, e.power);
  const F one = L::Broadcast(1.0f);
  return L::Multiply(L::SelectNegative(x, t, one), Reciprocal<L>(L::Add(one, t)));
}

template <class L>
TFSPARSE_INLINE typename L::F Tanh(typename L::F x) {
  using F = typename L::F;
  const Exponential<L> e = Exp<L, 2>(L::NegatedAbs(x));
  const F one = L::Broadcast(1.0f);
  const F above = L::NegatedMultiplyAdd(e.power, e.rest, L::Subtract(one, e.power));
  const F below = L::Subtract(L::Broadcast(2.0f), above);
  return L::WithSignOf(L::Multiply(above, Reciprocal<L>(below)), x);
}

// x * sigmoid(x). Where x is clamped, sigmoid is 0: so is the product, also for -infinity.
template <class L>
TFSPARSE_INLINE typename L::F Silu(typename L::F x) {
  const typename L::F v = L::Max(L::Broadcast(-128.0f), x);
  return L::Multiply(v, Sigmoid<L>(v));
}

// x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), which is x * sigmoid of twice that.
template <class L>
TFSPARSE_INLINE typename L::F GeluTanh(typename L::F x) {
  using F = typename L::F;
  const F v = L::Max(L::Broadcast(-12.0f), x);
  const F factor =
      L::MultiplyAdd(L::Multiply(v, v), L::Broadcast(0.07135481627f), L::Broadcast(1.595769122f));
  return L::Multiply(v, Sigmoid<L>(L::Multiply(v, factor)));
}

template <class L>
TFSPARSE_INLINE typename L::F Gelu(typename L::F x) {
  using F = typename L::F;
  constexpr float kEnd = 5.4f;
  constexpr float kMiddle = 14.58f;
  static constexpr float kPhi[] = {0.13092811f,    -0.004480663f,   0.00022815062f, -1.2649732e-05f,
                                   7.107663e-07f,  -3.909048e-08f,  2.0442636e-09f, -9.941069e-11f,
                                   4.7290544e-12f, -2.2855207e-13f, 8.481483e-15f,  -1.7298826e-16f,
                                   9.0066585e-18f, -7.9045845e-19f, 2.1131778e-20f};
  const F v = L::Max(L::Broadcast(-kEnd), x);
  const F inside = L::Min(L::Broadcast(kEnd), v);
  const F u = L::MultiplyAdd(inside, inside, L::Broadcast(-kMiddle));
  const F phi = L::MultiplyAdd(Polynomial<L>(kPhi, u), inside, L::Broadcast(0.5f));
  return L::Multiply(v, L::Max(L::Broadcast(0.0f), phi));
}

// Max and Min give their second operand where one is NaN.
template <class L, Activation kActivation>
TFSPARSE_INLINE typename L::F Activate(typename L::F x) {
  if constexpr (kActivation == Activation::kRelu) {
    return L::Max(L::Broadcast(0.0f), x);
  } else if constexpr (kActivation == Activation::kRelu6) {
    return L::Min(L::Broadcast(6.0f), L::Max(L::Broadcast(0.0f), x));
  } else if constexpr (kActivation == Activation::kGelu) {
    return Gelu<L>(x);
  } else if constexpr (kActivation == Activation::kGeluTanh) {
    return GeluTanh<L>(x);
  } else if constexpr (kActivation == Activation::kSigmoid) {
    return Sigmoid<L>(x);
  } else if constexpr (kActivation == Activation::kTanh) {
    return Tanh<L>(x);
  } else if constexpr (kActivation == Activation::kSilu) {
    return Silu<L>(x);
  } else {
    return x;
  }
}

template <Activation kActivation>
struct ActivationConstant {
  static constexpr Activation value = kActivation;
};

// Calls call(ActivationConstant) for an activation that is known at run time.
template <class Call>
TFSPARSE_INLINE void WithActivation(Activation activation, const Call& call) {
  switch (activation) {
    case Activation::kLinear:
      return call(ActivationConstant<Activation::kLinear>());
    case Activation::kRelu:
      return call(ActivationConstant<Activation::kRelu>());
    case Activation::kRelu6:
      return call(ActivationConstant<Activation::kRelu6>());
    case Activation::kGelu:
      return call(ActivationConstant<Activation::kGelu>());
    case Activation::kGeluTanh:
      return call(ActivationConstant<Activation::kGeluTanh>());
    case Activation::kSigmoid:
      return call(ActivationConstant<Activation::kSigmoid>());
    case Activation::kTanh:
      return call(ActivationConstant<Activation::kTanh>());
    case Activation::kSilu:
      return call(ActivationConstant<Activation::kSilu>());
  }
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ACTIVATION_FUNCTIONS_H_
