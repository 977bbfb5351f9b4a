#include "custom_ops/conv/channel_means.h"

#include <algorithm>
#include <limits>

namespace tfsparse {
namespace {

// Sums of as many channels at a time stay in the nearest cache.
constexpr int64_t kChannels = 512;
constexpr int64_t kValuesPerCycle = 8;
// Bytes whose sum fits in 16 bits, which twice as many lanes add up.
constexpr int64_t kPixels = 65535 / 255;

void MeansOf(const ChannelMeansCall& call, int64_t image, int64_t first, int64_t count) {
  int32_t sums[kChannels] = {};
  const uint8_t* x = call.x + image * call.pixels * call.channels + first;
  for (int64_t begin = 0; begin < call.pixels; begin += kPixels) {
    const int64_t end = std::min(call.pixels, begin + kPixels);
    uint16_t part[kChannels] = {};
    for (int64_t pixel = begin; pixel < end; ++pixel, x += call.channels) {
      for (int64_t c = 0; c < count; ++c) part[c] = static_cast<uint16_t>(part[c] + x[c]);
    }
    for (int64_t c = 0; c < count; ++c) sums[c] += part[c];
  }
  float* y = call.y + image * call.channels + first;
  const double pixels = static_cast<double>(call.pixels), scale = call.x_scale;
  for (int64_t c = 0; c < count; ++c) {
    y[c] = static_cast<float>(scale * (sums[c] / pixels - call.x_zero_point));
  }
}

}  // namespace

void ChannelMeans(const ChannelMeansCall& call, const Threads& threads) {
  if (call.pixels == 0) {
    std::fill_n(call.y, call.batch * call.channels, std::numeric_limits<float>::quiet_NaN());
    return;
  }
  const int64_t parts = (call.channels + kChannels - 1) / kChannels;
  const int64_t cost = call.pixels * std::min(call.channels, kChannels) / kValuesPerCycle + 1;
  threads.Run(call.batch * parts, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item % parts * kChannels;
      MeansOf(call, item / parts, first, std::min(kChannels, call.channels - first));
    }
  });
}

}  // namespace tfsparse
