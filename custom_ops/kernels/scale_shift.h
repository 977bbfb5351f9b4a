#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_H_

// A scale and a shift for each channel of pixels, and bounds.
//
//   v[c] = min(max(x[c] * scale[c] + shift[c], low), high), for uint8 of x[c] - x_zero_point
//   v[c] = x[c] * scale[c], where there is no shift
//   y[c] = v[c], or QuantizeU8(v[c], inv_y_scale, y_zero_point)
//
// NaN stays NaN in a float y, and is the lowest value of a uint8 one.
//
// Plain code without a branch, which the compiler turns into the vectors of whichever instruction
// set it compiles for. Products and sums round one by one (-ffp-contract=off in BUILD), so that all
// of them give the same bits.

#include <cstdint>

#include "custom_ops/kernels/scale_shift_args.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

TFSPARSE_INLINE float Value(uint8_t x, int32_t zero_point) {
  return static_cast<float>(static_cast<int32_t>(x) - zero_point);
}

TFSPARSE_INLINE float Value(float x, int32_t) { return x; }

TFSPARSE_INLINE float Written(float v, const ScaleShiftArgs&, const float*) { return v; }

TFSPARSE_INLINE uint8_t Written(float v, const ScaleShiftArgs& args, const uint8_t*) {
  // Adding and taking off a float of this size leaves a whole number, half to even.
  constexpr float kUnits = 12582912.0f;
  const float low = static_cast<float>(-args.y_zero_point);
  const float high = static_cast<float>(255 - args.y_zero_point);
  const float scaled = v * args.inv_y_scale;
  const float above = scaled > low ? scaled : low;
  const float clamped = above < high ? above : high;
  const float shifted = clamped + kUnits;
  const float whole = shifted - kUnits;
  return static_cast<uint8_t>(static_cast<int32_t>(whole) + args.y_zero_point);
}

template <bool kShift, class In, class Out>
TFSPARSE_INLINE void ScaleShiftOf(const ScaleShiftArgs& args, const In* __restrict x,
                                  Out* __restrict y) {
  const float* __restrict scale = args.scale;
  const float* __restrict shift = args.shift;
  for (int64_t pixel = 0; pixel < args.pixels; ++pixel) {
    for (int64_t c = 0; c < args.channels; ++c) {
      const float product = Value(x[c], args.x_zero_point) * scale[c];
      if constexpr (!kShift) {
        y[c] = Written(product, args, y);
        continue;
      }
      const float sum = product + shift[c];
      // A NaN stays one, as behind TensorFlow's ReLU.
      const float above = sum < args.low ? args.low : sum;
      const float bounded = above > args.high ? args.high : above;
      y[c] = Written(bounded, args, y);
    }
    x += args.channels;
    y += args.channels;
  }
}

template <bool kShift>
TFSPARSE_INLINE void ScaleShiftOfTypes(const ScaleShiftArgs& args) {
  if (args.x_u8 != nullptr && args.y_u8 != nullptr) {
    ScaleShiftOf<kShift>(args, args.x_u8, args.y_u8);
  } else if (args.x_u8 != nullptr) {
    ScaleShiftOf<kShift>(args, args.x_u8, args.y_f32);
  } else if (args.y_u8 != nullptr) {
    ScaleShiftOf<kShift>(args, args.x_f32, args.y_u8);
  } else {
    ScaleShiftOf<kShift>(args, args.x_f32, args.y_f32);
  }
}

TFSPARSE_INLINE void ScaleShift(const ScaleShiftArgs& args) {
  args.shift == nullptr ? ScaleShiftOfTypes<false>(args) : ScaleShiftOfTypes<true>(args);
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_H_
