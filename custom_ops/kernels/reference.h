#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_REFERENCE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_REFERENCE_H_

// The definition: what every kernel computes, in the plainest form. Integer
// kernels match it bit for bit, float kernels up to rounding. Tests compare
// against it; nothing that ships runs it.

#include <cmath>
#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/kernels/quantize.h"

namespace tfsparse {

// In float64. NaN stays NaN.
inline double ReferenceActivation(double y, Activation activation) {
  switch (activation) {
    case Activation::kLinear:
      return y;
    case Activation::kRelu:
      return y < 0 ? 0 : y;
    case Activation::kRelu6:
      return y < 0 ? 0 : y > 6 ? 6 : y;
    case Activation::kGelu:
      return y == -INFINITY ? 0 : y / 2 * std::erfc(-y / std::sqrt(2.0));
    case Activation::kGeluTanh:
      return y == -INFINITY ? 0
                            : y / (1 + std::exp(-std::sqrt(8 / M_PI) * (y + 0.044715 * y * y * y)));
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-y));
    case Activation::kTanh:
      return std::tanh(y);
    case Activation::kSilu:
      return y == -INFINITY ? 0 : y / (1 + std::exp(-y));
  }
  return NAN;
}

// One output of y = act(x * w + bias + residual), float, summed in double.
inline double ReferenceDot(const float* x, const float* w, int64_t in, double bias,
                           Activation activation) {
  double sum = bias;
  for (int64_t k = 0; k < in; ++k) sum += static_cast<double>(x[k]) * w[k];
  return ReferenceActivation(sum, activation);
}

// One output for uint8 x and int8 w, before residual and activation, bit for bit.
inline float ReferenceDot(const uint8_t* x, int32_t x_zero_point, const int8_t* w, int64_t in,
                          float scale, float bias) {
  int32_t sum = 0;
  for (int64_t k = 0; k < in; ++k) sum += (x[k] - x_zero_point) * w[k];
  return std::fma(static_cast<float>(sum), scale, bias);
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_REFERENCE_H_
