#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_EPILOGUE_CONSTANTS_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_EPILOGUE_CONSTANTS_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "custom_ops/engine/build_activation_table.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/engine/weight_sums.h"
#include "custom_ops/engine/workspace.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// What the sums of each output begin with, and what is made of them:
//
//   float, bfloat16   y = act(bias + products + residual)
//   int8    y = act(fma(products - x_zero_point * sum of weights, scale, bias) + residual)
//
// With room for the last panel to stick out. Filled for each call, so the loops are such that they
// vectorise: beside a product by one row they would be seen.
template <typename T>
struct EpilogueConstants {
  using Accumulator = std::conditional_t<std::is_same_v<T, int8_t>, int32_t, float>;

  // In the workspace of the calling thread, for the call of a layer of a chain.
  static EpilogueConstants Of(const WeightSums& weight_sums, int64_t out, const LayerCall& call,
                              int layer = 0) {
    Workspace::Constants& buffers = Workspace::OfThisThread().constants[layer];
    buffers.acc_init.Reserve(out + kPaddedNBlock);
    buffers.scale.Reserve(out + kPaddedNBlock);
    buffers.bias.Reserve(out + kPaddedNBlock);
    EpilogueConstants constants;
    constants.acc_init = reinterpret_cast<Accumulator*>(buffers.acc_init.data());
    constants.scale = buffers.scale.data();
    constants.bias = buffers.bias.data();
    if (std::is_same_v<T, int8_t> && call.may_look_up()) {
      const Quantization& y = call.quantization;
      const ActivationTable* table =
          FindActivationTable(call.epilogue.activation, y.y_scale, y.y_zero_point);
      if (table != nullptr) {
        constants.Fill(weight_sums, out, call, table->unit, table->offset);
        if (constants.fits_int32) {
          buffers.table = *table;
          constants.table = &buffers.table;
          return constants;
        }
      }
    }
    constants.Fill(weight_sums, out, call, call.unit(), call.bias_of_residual());
    return constants;
  }

  Accumulator* acc_init = nullptr;
  float* scale = nullptr;
  float* bias = nullptr;
  bool fits_int32 = false;  // a sum times scale plus bias, for int8 weights
  // What y is looked up in, in whose units scale and bias are then; or null.
  const ActivationTable* table = nullptr;

 private:
  // Sums, bias and residual are multiplied by `unit`; `shift` is added to the bias.
  void Fill(const WeightSums& weight_sums, int64_t out, const LayerCall& call, float unit,
            float shift) {
    float* const bias_of = std::is_same_v<T, int8_t> ? bias : AsFloats(acc_init);
    if (call.epilogue.bias == nullptr) {
      std::fill_n(bias_of, out, 0.0f);
    } else {
      for (int64_t n = 0; n < out; ++n) bias_of[n] = call.epilogue.bias[n] * unit;
    }
    // Not of 0, which would change the sign of a bias of -0.
    for (int64_t n = 0; shift != 0 && n < out; ++n) bias_of[n] += shift;
    if constexpr (std::is_same_v<T, int8_t>) {
      const float x_scale = call.quantization.x_scale;
      const int32_t zero_point = -call.quantization.x_zero_point;
      const int32_t* sum_of = weight_sums.of_output.data();
      int32_t* init_of = acc_init;
      float* scale_of = scale;
      for (int64_t n = 0; n < out; ++n) init_of[n] = zero_point * sum_of[n];
      for (int64_t n = 0; n < out; ++n) scale_of[n] = x_scale * call.quantization.w_scale[n] * unit;
      const double max = static_cast<double>(MaxAbs(scale_of, out)) * weight_sums.max;
      const float residual = call.epilogue.residual.data != nullptr && call.epilogue.residual.is_u8
                                 ? 255 * call.scale_of_residual()
                                 : 0;
      fits_int32 = max + MaxAbs(bias, out) + residual < 1 << 30;
    }
  }

  // The largest absolute value of finite floats, whose order is that of their bits.
  static float MaxAbs(const float* values, int64_t count) {
    int32_t max = 0;
    for (int64_t n = 0; n < count; ++n) {
      int32_t bits;
      std::memcpy(&bits, values + n, sizeof(bits));
      max = std::max(max, bits & 0x7fffffff);
    }
    float value;
    std::memcpy(&value, &max, sizeof(value));
    return value;
  }

  static float* AsFloats(float* values) { return values; }
  static float* AsFloats(int32_t*) { return nullptr; }
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_EPILOGUE_CONSTANTS_H_
