#include "custom_ops/conv/pooling.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "custom_ops/base/round_robin.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

struct Shape {
  int64_t batch;
  ConvAxis height, width;
  int64_t channels;
};

// {size, window, stride, dilation, before, after} of height and width
const Shape kShapes[] = {
    {1, {9, 3, 2, 1, 1, 1}, {8, 3, 2, 1, 0, 1}, 64},
    {2, {7, 7, 7, 1, 0, 0}, {7, 7, 7, 1, 0, 0}, 33},
    {3, {5, 2, 1, 1, 1, 1}, {6, 3, 1, 1, 2, 2}, 1},
    {1, {2, 5, 1, 1, 4, 4}, {3, 1, 2, 1, 0, 0}, 17},
    {0, {5, 2, 1, 1, 0, 0}, {6, 3, 1, 1, 0, 0}, 4},
    {1, {4, 5, 1, 1, 0, 0}, {6, 3, 1, 1, 0, 0}, 4},
    {2, {5, 2, 1, 1, 0, 0}, {6, 3, 1, 1, 0, 0}, 0},
};

// Of the places of a window that are in the image, in whole numbers.
uint8_t Expected(const PoolCall& call, int64_t image, int64_t row, int64_t column, int64_t c) {
  int64_t sum = 0, count = 0, max = 0;
  for (int64_t i = 0; i < call.height.kernel; ++i) {
    for (int64_t j = 0; j < call.width.kernel; ++j) {
      const int64_t y = row * call.height.stride + i - call.height.before;
      const int64_t x = column * call.width.stride + j - call.width.before;
      if (y < 0 || y >= call.height.size || x < 0 || x >= call.width.size) continue;
      const int64_t value =
          call.x[((image * call.height.size + y) * call.width.size + x) * call.channels + c];
      sum += value, ++count, max = std::max(max, value);
    }
  }
  if (call.pooling == Pooling::kMax) return static_cast<uint8_t>(max);
  const int64_t below = sum / count, twice = 2 * (sum % count);
  const bool rounds_up = twice > count || (twice == count && below % 2 == 1);
  return static_cast<uint8_t>(below + (rounds_up ? 1 : 0));
}

TEST(Pooling, MatchesTheReference) {
  std::mt19937 random(1);
  for (const Shape& shape : kShapes) {
    for (Pooling pooling : {Pooling::kMax, Pooling::kAverage}) {
      std::vector<uint8_t> x(shape.batch * shape.height.size * shape.width.size * shape.channels);
      for (uint8_t& value : x) value = static_cast<uint8_t>(random() % 256);
      const int64_t rows = shape.height.out(), columns = shape.width.out();
      ASSERT_TRUE(ValidatePooling(shape.height, shape.width).ok());
      std::vector<uint8_t> y(shape.batch * rows * columns * shape.channels), expected, turns(y);
      PoolCall call = {pooling,        shape.batch, shape.height, shape.width,
                       shape.channels, x.data(),    y.data()};
      for (size_t i = 0; i < y.size(); ++i) {
        const int64_t place = static_cast<int64_t>(i) / shape.channels;
        expected.push_back(Expected(call, place / columns / rows, place / columns % rows,
                                    place % columns, static_cast<int64_t>(i) % shape.channels));
      }
      Pool(call, Threads());
      EXPECT_EQ(y, expected);
      call.y = turns.data();
      Pool(call, RoundRobin(3));
      EXPECT_EQ(turns, expected);
    }
  }
}

TEST(Pooling, RefusesWindowsInThePaddingAlone) {
  const ConvAxis good = {5, 3, 1, 1, 2, 2};
  EXPECT_TRUE(ValidatePooling(good, good).ok());
  for (const ConvAxis& bad :
       {ConvAxis{5, 3, 1, 1, 3, 0}, ConvAxis{5, 3, 1, 1, 0, 3}, ConvAxis{0, 3, 1, 1, 2, 2}}) {
    EXPECT_FALSE(ValidatePooling(bad, good).ok());
    EXPECT_FALSE(ValidatePooling(good, bad).ok());
  }
}

TEST(Pooling, RefusesSumsThatDoNotFit) {
  const ConvAxis huge = {1 << 12, 1 << 12, 1, 1, 0, 0};
  EXPECT_NE(ValidatePooling(huge, huge).message().find("places"), std::string::npos);
}

}  // namespace
}  // namespace tfsparse
