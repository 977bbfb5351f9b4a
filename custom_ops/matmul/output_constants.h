#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_OUTPUT_CONSTANTS_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_OUTPUT_CONSTANTS_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/matmul/matmul_call.h"
#include "custom_ops/matmul/weight_sums.h"

namespace tfsparse {

// What the sums of each output begin with, and what is made of them:
//
//   float, bfloat16   y = act(bias + products + residual)
//   int8    y = act(fma(products - x_zero_point * sum of weights, scale, bias) + residual)
//
// Room for the last strip to stick out. Filled for each call, so the loops are such that they
// vectorise: beside a product by one row they would be seen.
template <typename T>
struct OutputConstants {
  // Those of the calling thread, for the call of a layer of a chain. It runs no other call
  // until this one is done: ParallelFor works on its own items and then waits, it takes up no
  // work of others.
  static const OutputConstants& Of(const WeightSums& weight_sums, int64_t out,
                                   const MatmulCall& call, int layer = 0) {
    thread_local OutputConstants constants[kMostLayers];
    constants[layer].Fill(weight_sums, out, call);
    return constants[layer];
  }

  AlignedBuffer<std::conditional_t<std::is_same_v<T, int8_t>, int32_t, float>> init;
  AlignedBuffer<float> scale;
  AlignedBuffer<float> bias;
  bool fits_int32 = false;  // a sum times scale plus bias, for int8 weights

 private:
  void Fill(const WeightSums& weight_sums, int64_t out, const MatmulCall& call) {
    init.Reserve(out + kChunkRoom);
    scale.Reserve(out + kChunkRoom);
    bias.Reserve(out + kChunkRoom);
    const float unit = call.unit(), shift = call.bias_of_residual();
    float* const bias_of = std::is_same_v<T, int8_t> ? bias.data() : AsFloats(init.data());
    if (call.bias == nullptr) {
      std::fill_n(bias_of, out, 0.0f);
    } else {
      for (int64_t n = 0; n < out; ++n) bias_of[n] = call.bias[n] * unit;
    }
    // Not of 0, which would change the sign of a bias of -0.
    for (int64_t n = 0; shift != 0 && n < out; ++n) bias_of[n] += shift;
    if constexpr (std::is_same_v<T, int8_t>) {
      const float x_scale = call.x_scale;
      const int32_t zero_point = -call.x_zero_point;
      const int32_t* sum_of = weight_sums.of_output.data();
      int32_t* init_of = init.data();
      float* scale_of = scale.data();
      for (int64_t n = 0; n < out; ++n) init_of[n] = zero_point * sum_of[n];
      for (int64_t n = 0; n < out; ++n) scale_of[n] = x_scale * call.w_scale[n] * unit;
      const double most = static_cast<double>(Most(scale_of, out)) * weight_sums.most;
      const float residual =
          call.residual != nullptr && call.residual_is_u8 ? 255 * call.scale_of_residual() : 0;
      fits_int32 = most + Most(bias.data(), out) + residual < 1 << 30;
    }
  }

  // The largest absolute value of finite floats, whose order is that of their bits.
  static float Most(const float* values, int64_t count) {
    int32_t most = 0;
    for (int64_t n = 0; n < count; ++n) {
      int32_t bits;
      std::memcpy(&bits, values + n, sizeof(bits));
      most = std::max(most, bits & 0x7fffffff);
    }
    float value;
    std::memcpy(&value, &most, sizeof(value));
    return value;
  }

  static float* AsFloats(float* values) { return values; }
  static float* AsFloats(int32_t*) { return nullptr; }
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_OUTPUT_CONSTANTS_H_
