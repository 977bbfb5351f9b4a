#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_H_

// Depthwise convolution, NHWC: a kernel of its own for each channel, and no sum over channels.
//
//   sum[c] = sum over taps of (x[tap, c] - x_zero_point) * w[tap, c], which padding adds nothing to
//   v[c]   = act(fma(sum[c], x_scale * w_scale[c], bias[c]))
//   y[c]   = v[c], or QuantizeU8(v[c], 1 / y_scale, y_zero_point)
//
// For a uint8 y and an activation that only bounds (linear, relu, relu6), scale, bias and bounds
// are in units of y_scale from the start, as those of a layer are (engine/layer_call.h). With
// another activation a uint8 y is looked up in a table, where there is one
// (engine/build_activation_table.h), and scale and bias are in the table's units. Sums are whole
// numbers, so every instruction set gives the same bits.
//
// Why it is here: TensorFlow has it for floats alone, so that a network of 1x1 convolutions in INT8
// would leave uint8 and come back around each of them; and there is nothing to share that the
// engine for products is made for. depthwise_rows.h says how the kernels work. A float x is
// quantized first, once for each pixel.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/engine/layer_call.h"

namespace tfsparse {

struct DepthwiseCall {
  int64_t batch = 0;
  ConvAxis height, width;
  int64_t channels = 0;
  const int8_t* weights = nullptr;  // [height.kernel, width.kernel, channels]
  // x is [batch, height, width, channels], y [batch, height.out(), width.out(), channels]. There is
  // no residual; rows, strides and source are not looked at.
  LayerCall call;
};

// Taps that a kernel may have: more could overflow a sum.
inline constexpr int64_t kMaxDepthwiseTaps = int64_t{1} << 16;

// Fails where ValidateAxis does and where there are too many taps.
Status ValidateDepthwise(const ConvAxis& height, const ConvAxis& width);

// Fails, with y untouched, where ValidateDepthwise and CheckQuantization do.
Status Depthwise(const DepthwiseCall& call, Isa isa, const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_H_
