#include "custom_ops/base/balanced_cut.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

std::vector<int64_t> Prefix(const std::vector<int64_t>& weights) {
  std::vector<int64_t> prefix = {0};
  for (int64_t weight : weights) prefix.push_back(prefix.back() + weight);
  return prefix;
}

TEST(BalancedCut, CoversEveryItemOnceAndEvenly) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    SCOPED_TRACE(trial);
    std::vector<int64_t> weights(random() % 40);
    for (int64_t& weight : weights) weight = random() % 50;
    const std::vector<int64_t> prefix = Prefix(weights);
    const int64_t parts = 1 + random() % 9;
    const int64_t heaviest =
        weights.empty() ? 0 : *std::max_element(weights.begin(), weights.end());
    EXPECT_EQ(BalancedCut(prefix, 0, parts), 0);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = BalancedCut(prefix, part, parts);
      const int64_t end = BalancedCut(prefix, part + 1, parts);
      ASSERT_LE(begin, end);
      EXPECT_LE(prefix[end] - prefix[begin], prefix.back() / parts + 1 + heaviest);
    }
    EXPECT_EQ(BalancedCut(prefix, parts, parts), static_cast<int64_t>(weights.size()));
  }
}

TEST(BalancedCut, FollowsTheWeightsNotTheCount) {
  // One row holds as much as the other nine.
  const std::vector<int64_t> prefix = Prefix({9, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(BalancedCut(prefix, 1, 2), 1);
}

}  // namespace
}  // namespace tfsparse
