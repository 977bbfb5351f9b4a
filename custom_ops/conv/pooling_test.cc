#include "custom_ops/conv/pooling.h"

#include <cstdint>
#include <random>
#include <vector>

#include "custom_ops/base/round_robin.h"
#include "custom_ops/conv/pooling_reference.h"
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

TEST(Pooling, MatchesTheReference) {
  std::mt19937 random(1);
  for (const Shape& shape : kShapes) {
    for (Pooling pooling : {Pooling::kMax, Pooling::kAverage}) {
      std::vector<uint8_t> x(shape.batch * shape.height.size * shape.width.size * shape.channels);
      for (uint8_t& value : x) value = static_cast<uint8_t>(random() % 256);
      const int64_t rows = shape.height.out(), columns = shape.width.out();
      ASSERT_TRUE(ValidatePooling(shape.height, shape.width).ok());
      std::vector<uint8_t> y(shape.batch * rows * columns * shape.channels), turns(y);
      PoolCall call = {pooling,        shape.batch, shape.height, shape.width,
                       shape.channels, x.data(),    y.data()};
      const std::vector<uint8_t> expected = PooledByDefinition(call);
      Pool(call, Threads());
      EXPECT_EQ(y, expected);
      call.y = turns.data();
      Pool(call, RoundRobin(3));
      EXPECT_EQ(turns, expected);
    }
  }
}

// Of shapes that TensorFlow allows where there is no element: sizes may not even be multiplied.
TEST(Pooling, EmptyImagesOfHugeSizes) {
  constexpr int64_t kHuge = int64_t{1} << 40;
  const ConvAxis none = {0, 1, 1, 1, 0, 0}, wide = {(int64_t{1} << 31) - 1, 2, 1, 1, 0, 0};
  for (PoolCall call : {PoolCall{Pooling::kMax, 1, none, wide, kHuge, nullptr, nullptr},
                        PoolCall{Pooling::kAverage, 0, wide, wide, kHuge, nullptr, nullptr}}) {
    ASSERT_TRUE(ValidatePooling(call.height, call.width).ok());
    Pool(call, RoundRobin(3));
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
