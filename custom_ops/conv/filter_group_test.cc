#include "custom_ops/conv/filter_group.h"

#include <cstdint>
#include <vector>

#include "custom_ops/format/random_matrix.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(FilterGroup, GroupsAreTheRowsOfTheMatrix) {
  RandomMatrix<float> matrix(24, 10, 4, 3, 0.5, 3);
  const std::vector<float> dense = Unpack(matrix.view());
  for (int64_t groups : {1, 2, 3, 6}) {
    ASSERT_TRUE(CheckGroups(matrix.view(), groups).ok());
    std::vector<float> rows;
    for (int64_t group = 0; group < groups; ++group) {
      std::vector<int32_t> indptr;
      const BlockSparseMatrix<float> part = FilterGroup(matrix.view(), groups, group, &indptr);
      ASSERT_TRUE(Validate(part).ok());
      const std::vector<float> unpacked = Unpack(part);
      rows.insert(rows.end(), unpacked.begin(), unpacked.end());
    }
    EXPECT_EQ(rows, dense) << groups;
  }
}

TEST(FilterGroup, OneGroupMayEndInsideABlock) {
  EXPECT_TRUE(CheckGroups(RandomMatrix<float>(10, 4, 4, 1, 0.5, 1).view(), 1).ok());
  EXPECT_FALSE(CheckGroups(RandomMatrix<float>(10, 4, 4, 1, 0.5, 1).view(), 5).ok());
}

}  // namespace
}  // namespace tfsparse
