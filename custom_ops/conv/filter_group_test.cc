#include "custom_ops/conv/filter_group.h"

#include <cstdint>
#include <vector>

#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// 24 filters of 5 taps of 6 inputs.
constexpr int64_t kOut = 24, kTaps = 5, kTap = 6, kIn = kTaps * kTap;

TEST(FilterGroup, EachIsRowsOfTheMatrix) {
  for (int64_t block_in : {1, 3, 4}) {
    RandomMatrix<float> matrix(kOut, kIn, 4, block_in, 0.5, 3);
    for (int64_t count : {1, 2, 3, 6}) {
      const FilterGroups groups = {count, kTaps};
      ASSERT_TRUE(CheckGroups(matrix.view(), groups).ok());
      std::vector<float> rows;
      for (int64_t group = 0; group < count; ++group) {
        const JoinedGroups<float> part(matrix.view(), groups, group, 1);
        ASSERT_TRUE(Validate(part.view()).ok());
        const std::vector<float> unpacked = Unpack(part.view());
        rows.insert(rows.end(), unpacked.begin(), unpacked.end());
      }
      EXPECT_EQ(rows, Unpack(matrix.view())) << count;
    }
  }
}

// Each filter has its taps' inputs in the place of its group, and zeros in the others'.
TEST(FilterGroup, JoinedAreBlockDiagonalForEachTap) {
  for (int64_t block_in : {1, 2, 3}) {
    RandomMatrix<float> matrix(kOut, kIn, 2, block_in, 0.5, 3);
    const std::vector<float> dense = Unpack(matrix.view());
    const FilterGroups groups = {6, kTaps};
    for (int64_t first : {0, 3}) {
      const int64_t joined = 3, filters = kOut / groups.count;
      const JoinedGroups<float> part(matrix.view(), groups, first, joined);
      ASSERT_TRUE(Validate(part.view()).ok());
      ASSERT_EQ(part.view().out, filters * joined);
      ASSERT_EQ(part.view().in, kIn * joined);
      const std::vector<float> unpacked = Unpack(part.view());
      for (int64_t n = 0; n < part.view().out; ++n) {
        for (int64_t k = 0; k < part.view().in; ++k) {
          const int64_t tap = k / (kTap * joined), group = k / kTap % joined;
          const float own = dense[(first * filters + n) * kIn + tap * kTap + k % kTap];
          ASSERT_EQ(unpacked[n * part.view().in + k], group == n / filters ? own : 0.0f);
        }
      }
    }
  }
}

TEST(FilterGroup, JoinsAsManyAsFillTheChannels) {
  const BlockSparseMatrix<float> matrix = RandomMatrix<float>(kOut, kIn, 2, 2, 0.5, 3).view();
  EXPECT_EQ(GroupsToJoin(matrix, {12, kTaps}, 6), 1);
  EXPECT_EQ(GroupsToJoin(matrix, {12, kTaps}, 7), 2);
  EXPECT_EQ(GroupsToJoin(matrix, {12, kTaps}, 30), 6);
  EXPECT_EQ(GroupsToJoin(matrix, {12, kTaps}, 64), 12);
  EXPECT_EQ(GroupsToJoin(matrix, {12, kTaps}, 1 << 20), 12);
  EXPECT_EQ(GroupsToJoin(matrix, {12, kIn}, 64), 1) << "blocks of two inputs, taps of one";
}

TEST(FilterGroup, OneGroupMayEndInsideABlock) {
  const BlockSparseMatrix<float> matrix = RandomMatrix<float>(10, 4, 4, 1, 0.5, 1).view();
  EXPECT_TRUE(CheckGroups(matrix, {1, 2}).ok());
  EXPECT_FALSE(CheckGroups(matrix, {5, 2}).ok());
  EXPECT_FALSE(CheckGroups(matrix, {3, 2}).ok());
  EXPECT_FALSE(CheckGroups(matrix, {0, 2}).ok());
  EXPECT_FALSE(CheckGroups(matrix, {1, 3}).ok());
  EXPECT_FALSE(CheckGroups(matrix, {1, 0}).ok());
}

}  // namespace
}  // namespace tfsparse
