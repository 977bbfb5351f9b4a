#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_PROBLEM_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_PROBLEM_H_

// What depthwise.h defines, by a plain loop, for tests and fuzzing.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "custom_ops/conv/depthwise.h"
#include "custom_ops/engine/build_activation_table.h"
#include "custom_ops/kernels/look_up.h"
#include "custom_ops/kernels/quantize.h"
#include "custom_ops/kernels/reference.h"

namespace tfsparse {

// The sum of a place of y, whose x is uint8 or float.
inline int64_t DepthwiseSum(const DepthwiseCall& call, int64_t image, int64_t row, int64_t column,
                            int64_t c) {
  const ConvAxis &height = call.height, &width = call.width;
  const Quantization& q = call.call.quantization;
  int64_t sum = 0;
  for (int64_t i = 0; i < height.kernel; ++i) {
    for (int64_t j = 0; j < width.kernel; ++j) {
      const int64_t y = row * height.stride + i * height.dilation - height.before;
      const int64_t x = column * width.stride + j * width.dilation - width.before;
      if (y < 0 || y >= height.size || x < 0 || x >= width.size) continue;
      const int64_t place = ((image * height.size + y) * width.size + x) * call.channels + c;
      const int64_t value = call.call.x.is_u8
                                ? static_cast<const uint8_t*>(call.call.x.data)[place]
                                : QuantizeU8(static_cast<const float*>(call.call.x.data)[place],
                                             1 / q.x_scale, q.x_zero_point);
      sum += (value - q.x_zero_point) * call.weights[(i * width.kernel + j) * call.channels + c];
    }
  }
  return sum;
}

// What y is looked up in, or null: there is no such table, or a value could be beyond int32. Valid
// until the thread looks for another one.
inline const ActivationTable* TableOf(const DepthwiseCall& call) {
  const Quantization& q = call.call.quantization;
  if (!call.call.may_look_up()) return nullptr;
  const ActivationTable* table =
      FindActivationTable(call.call.epilogue.activation, q.y_scale, q.y_zero_point);
  if (table == nullptr) return nullptr;
  const float taps = static_cast<float>(call.height.kernel * call.width.kernel);
  for (int64_t c = 0; c < call.channels; ++c) {
    const float bias = call.call.epilogue.bias == nullptr ? 0 : call.call.epilogue.bias[c];
    const float max = taps * 255 * 128 * (q.x_scale * q.w_scale[c] * table->unit) +
                      std::abs(bias * table->unit + table->offset);
    if (!(max < static_cast<float>(1 << 30))) return nullptr;
  }
  return table;
}

// Whether an element of y is what a sum should become: to the last bit where it is only bounded or
// is looked up, else within rounding.
inline bool IsDepthwiseResult(const DepthwiseCall& call, const ActivationTable* table, int64_t sum,
                              int64_t c, const void* y) {
  const Quantization& q = call.call.quantization;
  if (table != nullptr) {
    const float bias = call.call.epilogue.bias == nullptr ? 0 : call.call.epilogue.bias[c];
    const float w = std::fma(static_cast<float>(sum), q.x_scale * q.w_scale[c] * table->unit,
                             bias * table->unit + table->offset);
    return *static_cast<const uint8_t*>(y) == LookUpU8(*table, w);
  }
  const Activation activation = call.call.epilogue.activation;
  const bool bounds = activation == Activation::kLinear || activation == Activation::kRelu ||
                      activation == Activation::kRelu6;
  const float unit = call.call.y.is_u8 && bounds ? 1 / q.y_scale : 1.0f;
  const float bias = call.call.epilogue.bias == nullptr ? 0 : call.call.epilogue.bias[c] * unit;
  const float v = std::fma(static_cast<float>(sum), q.x_scale * q.w_scale[c] * unit, bias);
  const float high = activation == Activation::kRelu6 ? 6 * unit : INFINITY;
  const float low = activation == Activation::kLinear ? -INFINITY : 0;
  if (bounds && call.call.y.is_u8) {
    const float bounded = std::min(std::max(v, low), high);
    return *static_cast<const uint8_t*>(y) == QuantizeU8(bounded, 1, q.y_zero_point);
  }
  const double exact = ReferenceActivation(v, activation);
  if (!call.call.y.is_u8) {
    const double found = *static_cast<const float*>(y);
    return std::abs(found - exact) <= 1e-6 * (1 + std::abs(v)) || found == exact;
  }
  const double place = exact / q.y_scale + q.y_zero_point;
  const double found = *static_cast<const uint8_t*>(y);
  const double slack = 0.5 + 1e-6 * (1 + std::abs(v)) / q.y_scale + 1e-5 * std::abs(place);
  return std::abs(found - std::min(255.0, std::max(0.0, place))) <= slack;
}

// Whether all of y is right.
inline bool IsDepthwise(const DepthwiseCall& call) {
  const ActivationTable* table = TableOf(call);
  int64_t place = 0;
  for (int64_t image = 0; image < call.batch; ++image) {
    for (int64_t row = 0; row < call.height.out(); ++row) {
      for (int64_t column = 0; column < call.width.out(); ++column) {
        for (int64_t c = 0; c < call.channels; ++c, ++place) {
          const int64_t sum = DepthwiseSum(call, image, row, column, c);
          if (!IsDepthwiseResult(call, table, sum, c, call.call.y.at(place))) return false;
        }
      }
    }
  }
  return true;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_PROBLEM_H_
