#include "custom_ops/conv/channel_means.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "custom_ops/base/round_robin.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(ChannelMeans, AreThoseOfWholeNumbers) {
  std::mt19937 random(1);
  for (int64_t batch : {0, 1, 3}) {
    for (int64_t pixels : {1, 49, 1000}) {
      for (int64_t channels : {0, 1, 33, 512, 1300}) {
        std::vector<uint8_t> x(batch * pixels * channels);
        for (uint8_t& value : x) value = static_cast<uint8_t>(random() % 256);
        for (int64_t i = 0; i < static_cast<int64_t>(x.size()); i += std::max<int64_t>(1, channels))
          x[i] = 255;
        std::vector<float> y(batch * channels), shared(y);
        ChannelMeansCall call = {batch, pixels, channels, x.data(), 0.25f, 7, y.data()};
        ChannelMeans(call, {});
        call.y = shared.data();
        ChannelMeans(call, RoundRobin(3));
        EXPECT_EQ(y, shared);
        for (int64_t i = 0; i < batch * channels; ++i) {
          int64_t sum = 0;
          for (int64_t p = 0; p < pixels; ++p) {
            sum += x[(i / channels * pixels + p) * channels + i % channels];
          }
          const double mean = static_cast<double>(sum) / static_cast<double>(pixels);
          ASSERT_EQ(y[i], static_cast<float>(0.25 * (mean - 7)));
        }
      }
    }
  }
}

TEST(ChannelMeans, OfNoPixelsAreNaN) {
  std::vector<float> y(4);
  ChannelMeans({2, 0, 2, nullptr, 1.0f, 0, y.data()}, {});
  for (float value : y) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace tfsparse
