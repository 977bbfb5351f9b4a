#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_FINISH_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_FINISH_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "custom_ops/engine/build_activation_table.h"
#include "custom_ops/engine/layer_call.h"

namespace tfsparse {

// What a depthwise convolution does to its sums, in the units that depthwise.h says. The same on
// every instruction set.
struct DepthwiseFinish {
  DepthwiseFinish(const LayerCall& layer, int64_t channels, int64_t taps) : call(layer) {
    const Activation activation = call.epilogue.activation;
    const float zero_point = static_cast<float>(call.quantization.y_zero_point);
    low = -zero_point, high = 255 - zero_point;
    inv_y_scale = 1 / call.quantization.y_scale;
    is_bounded =
        call.y.is_u8 && (activation == Activation::kLinear || activation == Activation::kRelu ||
                         activation == Activation::kRelu6);
    if (is_bounded) {
      unit = inv_y_scale;
      if (activation != Activation::kLinear) low = 0;
      if (activation == Activation::kRelu6) high = std::min(high, 6 * unit);
    } else if (call.may_look_up()) {
      LookUp(channels, taps);
    }
  }

  float scale(int64_t c) const {
    return call.quantization.x_scale * call.quantization.w_scale[c] * unit;
  }
  float bias(int64_t c) const {
    return (call.epilogue.bias == nullptr ? 0 : call.epilogue.bias[c] * unit) + shift;
  }

  // Rounding keeps the order, so that bytes may be bounded instead of what is rounded to them.
  int32_t byte(float bound) const {
    return static_cast<int32_t>(std::nearbyint(bound)) + call.quantization.y_zero_point;
  }
  // Whether kernels can round what they have before they bound it or look it up.
  bool FitsInt32(int64_t channels, int64_t taps) const {
    const float sum = static_cast<float>(taps) * 255 * 128;
    bool fits = true;
    for (int64_t c = 0; c < channels; ++c) {
      fits &= scale(c) * sum + std::abs(bias(c)) < static_cast<float>(1 << 30);
    }
    return fits;
  }

  const LayerCall& call;
  bool is_bounded = false, looks_up = false;
  float low, high, inv_y_scale, unit = 1, shift = 0;
  ActivationTable table;  // if looks_up: of `unit` and `shift`

 private:
  void LookUp(int64_t channels, int64_t taps) {
    const Quantization& y = call.quantization;
    const ActivationTable* found =
        FindActivationTable(call.epilogue.activation, y.y_scale, y.y_zero_point);
    if (found == nullptr) return;
    unit = found->unit, shift = found->offset;
    looks_up = FitsInt32(channels, taps);
    if (looks_up) {
      table = *found;
    } else {
      unit = 1, shift = 0;
    }
  }
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_FINISH_H_
