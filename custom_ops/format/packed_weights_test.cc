#include "custom_ops/format/packed_weights.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "custom_ops/base/round_robin.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// The i-th input of a group.
template <typename T>
int64_t Input(const PackedWeights<T>& packed, const int32_t* columns, int i) {
  if (packed.format.packing != WeightPacking::kPermuteWindows) {
    return packed.format.packing == WeightPacking::kGathered ? columns[i]
                                                             : columns[0] * packed.group() + i;
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
  for (const Panel& panel : packed.panels) {
    for (int64_t g = 0; g < panel.groups; ++g) {
      const int32_t* columns =
          packed.columns.data() + panel.column + g * packed.columns_per_group();
      const T* values = packed.values.data() + panel.value + g * size * packed.format.nr;
      for (int h = 0; h < packed.format.nr; ++h) {
        for (int i = 0; i < group; ++i) {
          const T value = Weight(values + h * size + i * width, width);
          const int64_t input = Input(packed, columns, i);
          if (value == T{0}) continue;
          const int64_t place = (panel.out + h) * packed.in + input;
          EXPECT_LT(panel.out + h, packed.out);
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
  ASSERT_EQ(a.panels.size(), b.panels.size());
  for (size_t s = 0; s < a.panels.size(); ++s) {
    EXPECT_EQ(a.panels[s].out, b.panels[s].out);
    EXPECT_EQ(a.panels[s].groups, b.panels[s].groups);
    EXPECT_EQ(a.panels[s].column, b.panels[s].column);
    EXPECT_EQ(a.panels[s].value, b.panels[s].value);
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

constexpr WeightFormat kGathered = {TileLayout::kInterleave1, WeightPacking::kGathered, 4};
constexpr WeightFormat kWindows = {TileLayout::kInterleave1, WeightPacking::kPermuteWindows, 4};

template <typename T>
void CheckAll(TileLayout tile, WeightPacking packing) {
  for (const Shape& s : kShapes) {
    if (!Accepts<T>({tile, packing, 1}, s.block_in)) continue;
    for (double sparsity : {0.0, 0.6, 1.0}) {
      for (int nr : {1, 2, 4, 6, 8, 16}) {
        const WeightFormat format = {tile, packing, nr};
        if (packing == WeightPacking::kPermuteWindows && nr == 6) continue;
        SCOPED_TRACE(testing::Message() << s.out << "x" << s.in << " in " << s.block_out << "x"
                                        << s.block_in << ", NR " << nr);
        const RandomMatrix<T> matrix(s.out, s.in, s.block_out, s.block_in, sparsity, 3);
        ASSERT_TRUE(Validate(matrix.view()).ok());
        const PackedWeights<T> packed = Pack(matrix.view(), format);
        EXPECT_EQ(Unpack(packed), Unpack(matrix.view()));
        ExpectSameBytes(Pack(matrix.view(), format, RoundRobin(3)), packed);
      }
    }
  }
}

TEST(PackedWeights, UnpackToWhatWasPackedFloat) {
  CheckAll<float>(TileLayout::kInterleave1, WeightPacking::kConsecutive);
}
TEST(PackedWeights, UnpackToWhatWasPackedGathered) {
  CheckAll<int8_t>(TileLayout::kInterleave1, WeightPacking::kGathered);
}
TEST(PackedWeights, UnpackToWhatWasPackedQuads) {
  CheckAll<int8_t>(TileLayout::kInterleave4, WeightPacking::kConsecutive);
}

TEST(PackedWeights, UnpackToWhatWasPackedPairs) {
  CheckAll<int8_t>(TileLayout::kInterleave2, WeightPacking::kConsecutive);
}
TEST(PackedWeights, UnpackToWhatWasPackedWide) {
  CheckAll<int8_t>(TileLayout::kInterleave1Wide, WeightPacking::kGathered);
}

TEST(PackedWeights, UnpackToWhatWasPackedBFloat16) {
  CheckAll<BFloat16>(TileLayout::kInterleave1, WeightPacking::kConsecutive);
  CheckAll<BFloat16>(TileLayout::kInterleave2, WeightPacking::kConsecutive);
  CheckAll<BFloat16>(TileLayout::kInterleave1Wide, WeightPacking::kGathered);
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
    EXPECT_EQ(
        Pack(m, {TileLayout::kInterleave1Wide, WeightPacking::kGathered, 1}).columns.data()[3],
        each.unused);
  }
}

TEST(PackedWeights, UnpackToWhatWasPackedWindows) {
  CheckAll<int8_t>(TileLayout::kInterleave1, WeightPacking::kPermuteWindows);
}

TEST(PackedWeights, CountGroupsFindsAsManyAsArePacked) {
  for (const WeightFormat& format : {kGathered, kWindows}) {
    for (const Shape& s : kShapes) {
      const RandomMatrix<int8_t> matrix(s.out, s.in, s.block_out, s.block_in, 0.6, 3);
      int64_t groups = 0;
      for (const Panel& panel : Pack(matrix.view(), format).panels) groups += panel.groups;
      EXPECT_EQ(CountGroups(matrix.view(), format), groups);
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
    EXPECT_EQ(Pack(m, kWindows).panels[0].groups, (10 + in_reach - 1) / in_reach);
  }
}

TEST(PackedWeights, PanelsOfABlockRowShareTheirColumns) {
  const RandomMatrix<float> matrix(32, 40, 16, 4, 0.5, 3);
  const PackedWeights<float> packed =
      Pack(matrix.view(), {TileLayout::kInterleave1, WeightPacking::kConsecutive, 8});
  ASSERT_EQ(packed.panels.size(), 4u);
  EXPECT_EQ(packed.panels[0].column, packed.panels[1].column);
  EXPECT_EQ(packed.panels[0].groups, packed.panels[1].groups);
  EXPECT_EQ(packed.panels[2].column, packed.panels[0].groups);
}

}  // namespace
}  // namespace tfsparse
