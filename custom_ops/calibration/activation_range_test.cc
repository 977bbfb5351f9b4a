// Every ISA and any cut finds the range that a plain loop finds, and looks at nothing else.

#include "custom_ops/calibration/activation_range.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/round_robin.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kTiny = std::numeric_limits<float>::min();

Range PlainRange(const std::vector<float>& x) {
  Range range;
  for (float value : x) {
    if (!std::isfinite(value)) continue;
    range.min = std::min(range.min, value);
    range.greatest = std::max(range.greatest, value);
  }
  return range;
}

std::vector<float> RandomValues(int64_t count, float low, float high) {
  std::mt19937 random(static_cast<uint32_t>(count));
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> x(count);
  for (float& value : x) value = uniform(random);
  return x;
}

void ExpectFound(const std::vector<float>& x) {
  const Range expected = PlainRange(x);
  // A copy between extremes that are not its own: reading too far would find them.
  std::vector<float> guarded(x.size() + 2, kMax);
  guarded.front() = -kMax;
  std::copy(x.begin(), x.end(), guarded.begin() + 1);
  const auto count = static_cast<int64_t>(x.size());
  for (Isa isa : SupportedIsas(GetCpuFeatures())) {
    for (const Threads& threads : {Threads(), RoundRobin(3)}) {
      const Range found = MeasureRange(guarded.data() + 1, count, isa, threads);
      EXPECT_EQ(found.min, expected.min) << IsaName(isa) << ", " << count << " values";
      EXPECT_EQ(found.greatest, expected.greatest) << IsaName(isa) << ", " << count << " values";
    }
  }
}

TEST(MeasureRange, AnyCount) {
  for (int64_t count : {0, 1, 2, 63, 64, 65, 127, 129, 16383, 32768, 49151, 1048576, 1100003}) {
    ExpectFound(RandomValues(count, -3, 5));
    ExpectFound(RandomValues(count, 2, 5));
    ExpectFound(RandomValues(count, -5, -2));
  }
}

TEST(MeasureRange, TheExtremesAreFoundWhereverTheyLie) {
  for (int64_t count : {1, 70, 65537}) {
    std::vector<float> x = RandomValues(count, -1, 1);
    for (int64_t place : {int64_t{0}, count / 3, count / 2, count - 1}) {
      for (float value : {-7.0f, 7.0f}) {
        std::vector<float> changed = x;
        changed[place] = value;
        ExpectFound(changed);
      }
    }
  }
}

TEST(MeasureRange, ValuesThatAreNotFiniteAreLeftOut) {
  for (int64_t count : {5, 64, 100, 40000}) {
    std::vector<float> x = RandomValues(count, -1, 1);
    x[0] = kInf;
    x[count / 2] = -kInf;
    x[count - 1] = kNan;
    ExpectFound(x);
    ExpectFound(std::vector<float>(count, kNan));
  }
}

TEST(MeasureRange, TheLargestFiniteValues) { ExpectFound({-kMax, kMax, kInf}); }

TEST(ParamsOf, Rule) {
  struct Case {
    Range range;
    float scale;
    int32_t zero_point;
  };
  const Case cases[] = {
      {{0, 0}, 1, 0},
      {{0, 255}, 1, 0},
      {{-255, 0}, 1, 255},
      {{-127.5f, 127.5f}, 1, 128},  // half to even
      {{-126.5f, 128.5f}, 1, 126},
      {{-1, 1}, 2.0f / 255, 127},  // the rounded scale is a little more than 2 / 255
      {{0, kTiny}, 1, 0},
      {{0, 254 * kTiny}, 1, 0},
      {{0, 255 * kTiny}, kTiny, 0},
      {{-kMax, kMax}, static_cast<float>(double{kMax} * 2 / 255), 128},
  };
  for (const Case& each : cases) {
    const ActivationParams params = ParamsOf(each.range);
    EXPECT_EQ(params.scale, each.scale) << each.range.min << " to " << each.range.greatest;
    EXPECT_EQ(params.zero_point, each.zero_point)
        << each.range.min << " to " << each.range.greatest;
  }
}

}  // namespace
}  // namespace tfsparse
