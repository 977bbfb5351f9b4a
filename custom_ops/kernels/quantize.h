#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_QUANTIZE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_QUANTIZE_H_

#include <cmath>
#include <cstdint>

namespace tfsparse {

// The definition of quantization to uint8, which every kernel matches bit for
// bit: round(x * inv_scale) + zero_point, clamped to [0, 255], half to even.
// The bounds are whole numbers, so clamping first gives the same; NaN gives 0.
// Not for files compiled for other instruction sets (see kernel_args.h).
inline uint8_t QuantizeU8(float x, float inv_scale, int32_t zero_point) {
  const float low = static_cast<float>(-zero_point);
  const float high = static_cast<float>(255 - zero_point);
  const float scaled = x * inv_scale;
  const float above = scaled > low ? scaled : low;
  const float clamped = above < high ? above : high;
  return static_cast<uint8_t>(static_cast<int32_t>(std::nearbyint(clamped)) + zero_point);
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_QUANTIZE_H_
