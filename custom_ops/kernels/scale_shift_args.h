#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_ARGS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_ARGS_H_

#include <cstdint>

namespace tfsparse {

// Plain data for scale_shift.h: one x and one y of the two.
struct ScaleShiftArgs {
  int64_t pixels = 0, channels = 0;
  const uint8_t* x_u8 = nullptr;  // [pixels, channels]
  const float* x_f32 = nullptr;
  int32_t x_zero_point = 0;
  const float* scale = nullptr;  // [channels], with the scale of a uint8 x
  const float* shift = nullptr;  // [channels], or null for neither a shift nor bounds
  float low = -__builtin_inff();
  float high = __builtin_inff();
  uint8_t* y_u8 = nullptr;  // [pixels, channels]
  float* y_f32 = nullptr;
  float inv_y_scale = 1;
  int32_t y_zero_point = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_ARGS_H_
