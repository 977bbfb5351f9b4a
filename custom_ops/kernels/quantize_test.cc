#include "custom_ops/kernels/quantize.h"

#include <limits>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(QuantizeU8, RoundsHalfToEven) {
  EXPECT_EQ(QuantizeU8(0.5f, 1, 0), 0);
  EXPECT_EQ(QuantizeU8(1.5f, 1, 0), 2);
  EXPECT_EQ(QuantizeU8(2.5f, 1, 0), 2);
  // The zero point is added after rounding, so it does not change which way.
  EXPECT_EQ(QuantizeU8(0.5f, 1, 1), 1);
  EXPECT_EQ(QuantizeU8(-0.5f, 1, 128), 128);
}

TEST(QuantizeU8, Clamps) {
  EXPECT_EQ(QuantizeU8(1e30f, 1, 3), 255);
  EXPECT_EQ(QuantizeU8(-1e30f, 1, 3), 0);
  EXPECT_EQ(QuantizeU8(std::numeric_limits<float>::infinity(), 1, 3), 255);
  EXPECT_EQ(QuantizeU8(-std::numeric_limits<float>::infinity(), 1, 3), 0);
  EXPECT_EQ(QuantizeU8(std::numeric_limits<float>::quiet_NaN(), 1, 3), 0);
  EXPECT_EQ(QuantizeU8(127.4f, 2, 0), 255);
}

}  // namespace
}  // namespace tfsparse
