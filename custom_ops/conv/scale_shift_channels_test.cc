#include "custom_ops/conv/scale_shift_channels.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/round_robin.h"
#include "custom_ops/kernels/quantize.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr uint8_t kGuard = 0xA5;

struct Case {
  int64_t pixels, channels;
  int32_t x_zero_point, y_zero_point;
  float low, high;
};

constexpr float kInf = std::numeric_limits<float>::infinity();
const Case kCases[] = {
    {7, 64, 0, 0, 0, kInf}, {5, 33, 128, 255, -kInf, kInf},
    {1, 1, 255, 3, 0, 6},   {9, 17, 11, 100, 0, 1},
    {100, 3, 5, 9, -1, 2},  {65, 31, 5, 9, -1, 2},
    {0, 8, 0, 0, 0, kInf},  {4, 0, 0, 0, 0, kInf},
    {9, 96, 3, 7, -1, 2},   {260, 5, 3, 7, -1, 2},
    {11, 48, 3, 7, -1, 2},  {260, 33, 3, 7, -1, 2},  // too many of several pixels
};

float Expected(const ScaleShiftArgs& args, int64_t at) {
  const int64_t c = at % args.channels;
  const float x = args.x_f32 != nullptr ? args.x_f32[at]
                                        : static_cast<float>(args.x_u8[at] - args.x_zero_point);
  volatile float product = x * args.scale[c];
  if (args.shift == nullptr) return product;
  const float sum = product + args.shift[c];
  return std::min(std::max(sum, args.low), args.high);
}

void TestDefinition(bool has_shift) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> real(-3, 3);
  for (const Case& each : kCases) {
    const int64_t count = each.pixels * each.channels;
    std::vector<uint8_t> x(count), y_u8(count + 1);
    std::vector<float> x_f32(count), scale(each.channels), shift(each.channels), y_f32(count);
    for (uint8_t& value : x) value = static_cast<uint8_t>(random() % 256);
    for (float& value : x_f32) value = 60 * real(random);
    for (float& value : scale) value = 0.05f * real(random);
    for (float& value : shift) value = real(random);
    ScaleShiftArgs args;
    args.pixels = each.pixels, args.channels = each.channels;
    args.scale = scale.data(), args.shift = has_shift ? shift.data() : nullptr;
    args.x_zero_point = each.x_zero_point, args.y_zero_point = each.y_zero_point;
    args.low = each.low, args.high = each.high, args.inv_y_scale = 31.7f;
    for (Isa isa : SupportedIsas(GetCpuFeatures())) {
      for (bool is_float : {false, true}) {
        const int threads = is_float ? 1 : 3;
        args.x_u8 = is_float ? nullptr : x.data(), args.x_f32 = is_float ? x_f32.data() : nullptr;
        SCOPED_TRACE(testing::Message() << IsaName(isa) << ", threads " << threads << ", "
                                        << each.pixels << "x" << each.channels);
        std::fill(y_u8.begin(), y_u8.end(), kGuard);
        args.y_u8 = y_u8.data(), args.y_f32 = nullptr;
        ScaleShiftChannels(args, isa, RoundRobin(threads));
        args.y_u8 = nullptr, args.y_f32 = y_f32.data();
        ScaleShiftChannels(args, isa, RoundRobin(threads));
        EXPECT_EQ(y_u8[count], kGuard);
        for (int64_t i = 0; i < count; ++i) {
          const float expected = Expected(args, i);
          ASSERT_EQ(y_f32[i], expected) << i;
          ASSERT_EQ(y_u8[i], QuantizeU8(expected, args.inv_y_scale, args.y_zero_point)) << i;
        }
      }
    }
  }
}

TEST(ScaleShiftChannels, EveryIsaAndPartitionGivesTheDefinition) { TestDefinition(true); }

TEST(ScaleShiftChannels, IsTheProductWithoutAShift) { TestDefinition(false); }

}  // namespace
}  // namespace tfsparse
