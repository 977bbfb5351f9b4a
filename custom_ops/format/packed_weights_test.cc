#include "custom_ops/format/packed_weights.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "custom_ops/base/round_robin.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// The i-th input of a group.
template <typename T>
int64_t Input(const PackedWeights<T>& packed, const int32_t* columns, int i) {
  if (packed.layout != Layout::kWindows) {
    return IsGathered(packed.layout) ? columns[i] : columns[0] * packed.group() + i;
  }
  const int place = reinterpret_cast<const uint8_t*>(columns + 1)[i];
  EXPECT_LT(place, kWindowReach);
  return columns[0] + place;
}

// The weight in `width` parts, the lower first.
int8_t Weight(const int8_t* parts, int width) {
  if (width == 2) {
    EXPECT_EQ(parts[1], parts[0] < 0 ? -1 : 0) << "not an int16";
  }
  return parts[0];
}
BFloat16 Weight(const BFloat16* parts, int width) {
  if (width == 2) {
    EXPECT_EQ(parts[0].bits, 0) << "not a bfloat16";
  }
  return parts[width - 1];
}
float Weight(const float* parts, int) { return parts[0]; }

// The dense matrix that packed weights stand for. Every element may be written once.
template <typename T>
std::vector<T> Unpack(const PackedWeights<T>& packed) {
  const int group = packed.group(), width = packed.width(), size = packed.group_values();
  std::vector<T> dense(packed.out * packed.in);
  std::set<int64_t> seen;
  for (const Strip& strip : packed.strips) {
    for (int64_t g = 0; g < strip.groups; ++g) {
      const int32_t* columns =
          packed.columns.data() + strip.column + g * packed.columns_per_group();
      const T* values = packed.values.data() + strip.value + g * size * packed.height;
      for (int h = 0; h < packed.height; ++h) {
        for (int i = 0; i < group; ++i) {
          const T value = Weight(values + h * size + i * width, width);
          const int64_t input = Input(packed, columns, i);
          if (value == T{0}) continue;
          const int64_t place = (strip.out + h) * packed.in + input;
          EXPECT_LT(strip.out + h, packed.out);
          EXPECT_LT(input, packed.in);
          EXPECT_TRUE(seen.insert(place).second) << "written twice: " << place;
          dense[place] = value;
        }
      }
    }
  }
  return dense;
}

// Sizes as well as bytes, those past the last weights included.
template <typename T>
void ExpectSameBytes(const PackedWeights<T>& a, const PackedWeights<T>& b) {
  ASSERT_EQ(a.strips.size(), b.strips.size());
  for (size_t s = 0; s < a.strips.size(); ++s) {
    EXPECT_EQ(a.strips[s].out, b.strips[s].out);
    EXPECT_EQ(a.strips[s].groups, b.strips[s].groups);
    EXPECT_EQ(a.strips[s].column, b.strips[s].column);
    EXPECT_EQ(a.strips[s].value, b.strips[s].value);
  }
  ASSERT_EQ(a.columns.size(), b.columns.size());
  ASSERT_EQ(a.values.size(), b.values.size());
  EXPECT_TRUE(std::equal(a.columns.data(), a.columns.data() + a.columns.size(), b.columns.data()));
  EXPECT_TRUE(std::equal(a.values.data(), a.values.data() + a.values.size(), b.values.data()));
}

struct Shape {
  int64_t out, in, block_out, block_in;
};

const Shape kShapes[] = {{16, 16, 16, 4}, {17, 19, 16, 4}, {1, 1, 1, 1},
                         {5, 7, 4, 1},    {64, 33, 5, 3},  {70, 70, 64, 64},
                         {3, 100, 2, 8},  {9, 6, 6, 1},    {12, 21, 4, 2}};

template <typename T>
void CheckAll(Layout layout) {
  for (const Shape& s : kShapes) {
    if (layout == Layout::kQuads && s.block_in % 4 != 0) continue;
    if (layout == Layout::kPairs && s.block_in % 2 != 0) continue;
    for (double sparsity : {0.0, 0.6, 1.0}) {
      for (int height : {1, 2, 4, 6, 8, 16}) {
        if (layout == Layout::kWindows && height == 6) continue;
        SCOPED_TRACE(testing::Message() << s.out << "x" << s.in << " in " << s.block_out << "x"
                                        << s.block_in << ", height " << height);
        const RandomMatrix<T> matrix(s.out, s.in, s.block_out, s.block_in, sparsity, 3);
        ASSERT_TRUE(Validate(matrix.view()).ok());
        const PackedWeights<T> packed = Pack(matrix.view(), layout, height);
        EXPECT_EQ(Unpack(packed), Unpack(matrix.view()));
        ExpectSameBytes(Pack(matrix.view(), layout, height, RoundRobin(3)), packed);
      }
    }
  }
}

TEST(PackedWeights, UnpackToWhatWasPackedFloat) { CheckAll<float>(Layout::kPlanes); }
TEST(PackedWeights, UnpackToWhatWasPackedGathered) { CheckAll<int8_t>(Layout::kPlanes); }
TEST(PackedWeights, UnpackToWhatWasPackedQuads) { CheckAll<int8_t>(Layout::kQuads); }

TEST(PackedWeights, UnpackToWhatWasPackedPairs) { CheckAll<int8_t>(Layout::kPairs); }
TEST(PackedWeights, UnpackToWhatWasPackedWide) { CheckAll<int8_t>(Layout::kWidePlanes); }

TEST(PackedWeights, UnpackToWhatWasPackedBFloat16) {
  CheckAll<BFloat16>(Layout::kPlanes);
  CheckAll<BFloat16>(Layout::kPairs);
  CheckAll<BFloat16>(Layout::kWidePlanes);
}

// An odd number of inputs: the last pair's other half is one that is not stored, not one that
// is, whose infinity a zero would make NaN.
TEST(PackedWeights, BFloat16PairsAreFilledWithWhatIsNotStored) {
  const std::vector<BFloat16> data(3, RoundToBFloat16(1));
  const std::vector<int32_t> indptr = {0, 3};
  const struct {
    std::vector<int32_t> stored;
    int64_t in;
    int32_t unused;
  } cases[] = {{{0, 1, 3}, 5, 2}, {{1, 2, 3}, 4, 0}, {{0, 1, 2}, 4, 3}, {{0, 1, 2}, 3, 3}};
  for (const auto& each : cases) {
    BlockSparseMatrix<BFloat16> m;
    m.out = 1, m.in = each.in;
    m.num_blocks = m.num_indices = 3, m.num_indptr = 2;
    m.data = data.data(), m.indices = each.stored.data(), m.indptr = indptr.data();
    ASSERT_TRUE(Validate(m).ok());
    EXPECT_EQ(Pack(m, Layout::kWidePlanes, 1).columns.data()[3], each.unused);
  }
}

TEST(PackedWeights, UnpackToWhatWasPackedWindows) { CheckAll<int8_t>(Layout::kWindows); }

TEST(PackedWeights, CountGroupsFindsAsManyAsArePacked) {
  for (Layout layout : {Layout::kPlanes, Layout::kWindows}) {
    for (const Shape& s : kShapes) {
      const RandomMatrix<int8_t> matrix(s.out, s.in, s.block_out, s.block_in, 0.6, 3);
      int64_t groups = 0;
      for (const Strip& strip : Pack(matrix.view(), layout, 4).strips) groups += strip.groups;
      EXPECT_EQ(CountGroups(matrix.view(), layout, 4), groups);
    }
  }
}

// Few inputs that lie far apart need a window each, many that lie together share one.
TEST(PackedWeights, WindowsEndWhereTheirReachOrTheirRoomDoes) {
  const std::vector<int8_t> data(40, 1);
  for (int apart : {1, 8, 9, 127, 128}) {
    std::vector<int32_t> indices, indptr = {0, 10};
    for (int i = 0; i < 10; ++i) indices.push_back(i * apart);
    BlockSparseMatrix<int8_t> m;
    m.out = m.block_out = 4, m.in = 2000, m.block_in = 1;
    m.num_blocks = m.num_indices = 10, m.num_indptr = 2;
    m.data = data.data(), m.indices = indices.data(), m.indptr = indptr.data();
    ASSERT_TRUE(Validate(m).ok());
    const int in_reach = std::min(10, (kWindowReach - 1) / apart + 1);
    EXPECT_EQ(Pack(m, Layout::kWindows, 4).strips[0].groups, (10 + in_reach - 1) / in_reach);
  }
}

TEST(PackedWeights, StripsOfABlockRowShareTheirColumns) {
  const RandomMatrix<float> matrix(32, 40, 16, 4, 0.5, 3);
  const PackedWeights<float> packed = Pack(matrix.view(), Layout::kPlanes, 8);
  ASSERT_EQ(packed.strips.size(), 4u);
  EXPECT_EQ(packed.strips[0].column, packed.strips[1].column);
  EXPECT_EQ(packed.strips[0].groups, packed.strips[1].groups);
  EXPECT_EQ(packed.strips[2].column, packed.strips[0].groups);
}

}  // namespace
}  // namespace tfsparse
