#include "custom_ops/base/bfloat16.h"

#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(BFloat16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(RoundToBFloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(RoundToBFloat16(1.0f + 0x1p-8f).bits, 0x3f80);       // a tie, to even below
  EXPECT_EQ(RoundToBFloat16(1.0f + 3 * 0x1p-8f).bits, 0x3f82);   // and above
  EXPECT_EQ(RoundToBFloat16(1.0f + 0x1.0002p-8f).bits, 0x3f81);  // a hair more than a tie
  EXPECT_EQ(RoundToBFloat16(-1.0f - 0x1.0002p-8f).bits, 0xbf81);
  EXPECT_EQ(RoundToBFloat16(-0.0f).bits, 0x8000);
}

TEST(BFloat16, IsWithinHalfAStep) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> exponent(-120, 120), sign(-1, 1);
  for (int i = 0; i < 100000; ++i) {
    const float value = std::copysign(std::exp2(exponent(random)), sign(random));
    EXPECT_LE(std::abs(RoundToBFloat16(value).ToFloat() - value), 0x1p-8f * std::abs(value));
  }
}

TEST(BFloat16, KeepsWhatIsNotFinite) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(RoundToBFloat16(kInf).ToFloat(), kInf);
  EXPECT_EQ(RoundToBFloat16(-kInf).ToFloat(), -kInf);
  EXPECT_EQ(RoundToBFloat16(std::numeric_limits<float>::max()).ToFloat(), kInf);
  for (uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    float nan;
    std::memcpy(&nan, &bits, sizeof(nan));
    EXPECT_TRUE(std::isnan(RoundToBFloat16(nan).ToFloat())) << std::hex << bits;
  }
}

}  // namespace
}  // namespace tfsparse
