#ifndef TFSPARSE_CUSTOM_OPS_CONV_CHANNEL_MEANS_H_
#define TFSPARSE_CUSTOM_OPS_CONV_CHANNEL_MEANS_H_

// Global average pooling of uint8 images: for each image and channel
//
//   y = x_scale * (sum / pixels - x_zero_point)
//
// Sums are whole numbers, so any order gives the same bits. The mean of no pixels is NaN, as
// TensorFlow has it.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"

namespace tfsparse {

struct ChannelMeansCall {
  int64_t batch = 0, pixels = 0, channels = 0;
  const uint8_t* x = nullptr;  // [batch, pixels, channels]
  float x_scale = 1;
  int32_t x_zero_point = 0;
  float* y = nullptr;  // [batch, channels]
};

// More pixels than that are not summed up in 32 bits.
inline constexpr int64_t kMaxMeanPixels = (int64_t{1} << 31) / 256 - 1;

void ChannelMeans(const ChannelMeansCall& call, const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_CHANNEL_MEANS_H_
