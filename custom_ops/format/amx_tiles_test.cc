#include "custom_ops/format/amx_tiles.h"

#include <algorithm>
#include <set>
#include <vector>

#include "custom_ops/base/round_robin.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// A group as the kernel reads it.
struct Group {
  int sources = 0;
  const int32_t* columns = nullptr;  // behind the number of sources
  const int8_t* values = nullptr;

  // The quad of x that byte i of quad q comes from: the last source that adds it.
  int64_t Column(int q, int i) const {
    if (sources == 0) return columns[0] + q;
    int64_t column = columns[q];
    for (int s = 1; s < sources; ++s) {
      const int32_t pattern = columns[(sources + s - 1) * kTileGroups + q];
      if (pattern >> i & 1) column = columns[s * kTileGroups + q];
    }
    return column;
  }
};

std::vector<Group> Groups(const PackedWeights<int8_t>& packed, const Panel& panel) {
  std::vector<Group> groups;
  const int32_t* column = packed.columns.data() + panel.column;
  for (int64_t g = 0; g < panel.groups; ++g) {
    Group group;
    group.sources = *column++;
    group.columns = column;
    group.values = packed.values.data() + panel.value + g * kTileOutputs * kTileGroups * 4;
    groups.push_back(group);
    column += group.sources == 0 ? 1 : kTileGroups * (2 * group.sources - 1);
  }
  return groups;
}

// The dense matrix that packed weights stand for. Checks that every element is written
// once, that what the kernel reads lies in the tile, and that nothing sticks out.
std::vector<int8_t> Unpack(const PackedWeights<int8_t>& packed) {
  std::vector<int8_t> dense(packed.out * packed.in);
  std::set<int64_t> seen;
  const int64_t tile_quads = (packed.in + 63) / 64 * 16;
  for (const Panel& panel : packed.panels) {
    for (const Group& group : Groups(packed, panel)) {
      EXPECT_GE(group.sources, 0);
      EXPECT_LE(group.sources, 4);
      for (int e = 0; e < kTileOutputs * kTileGroups * 4; ++e) {
        const int h = e / (kTileGroups * 4), q = e / 4 % kTileGroups, i = e % 4;
        const int64_t column = group.Column(q, i);
        EXPECT_GE(column, 0);
        EXPECT_LT(column, tile_quads);
        if (group.values[e] == 0) continue;
        EXPECT_LT(panel.out + h, packed.out);
        EXPECT_LT(column * 4 + i, packed.in);
        const int64_t place = (panel.out + h) * packed.in + column * 4 + i;
        EXPECT_TRUE(seen.insert(place).second) << "written twice: " << place;
        dense[place] = group.values[e];
      }
    }
  }
  return dense;
}

struct Shape {
  int64_t out, in, block_out, block_in;
};

const Shape kShapes[] = {{16, 64, 16, 4},  {17, 19, 16, 4},  {1, 1, 1, 1},     {5, 7, 4, 1},
                         {64, 330, 5, 3},  {70, 70, 64, 64}, {3, 1000, 2, 8},  {39, 6, 6, 1},
                         {40, 1000, 4, 1}, {64, 1000, 1, 1}, {48, 515, 32, 4}, {33, 129, 1, 4}};

TEST(AmxTiles, UnpackToWhatWasPacked) {
  std::set<int> sources;
  for (const Shape& s : kShapes) {
    for (double sparsity : {0.0, 0.5, 0.8, 0.95, 0.99, 1.0}) {
      SCOPED_TRACE(testing::Message() << s.out << "x" << s.in << " in " << s.block_out << "x"
                                      << s.block_in << ", sparsity " << sparsity);
      const RandomMatrix<int8_t> matrix(s.out, s.in, s.block_out, s.block_in, sparsity, 3);
      ASSERT_TRUE(Validate(matrix.view()).ok());
      const PackedWeights<int8_t> packed = PackAmxTiles(matrix.view());
      EXPECT_EQ(Unpack(packed), Unpack(matrix.view()));
      for (const Panel& panel : packed.panels) {
        for (const Group& group : Groups(packed, panel)) sources.insert(group.sources);
      }
    }
  }
  EXPECT_EQ(sources, (std::set<int>{0, 1, 2, 3, 4})) << "some kind of group was not tried";
}

TEST(AmxTiles, ManyThreadsPackTheSameBytes) {
  for (const Shape& s : kShapes) {
    const RandomMatrix<int8_t> matrix(s.out, s.in, s.block_out, s.block_in, 0.8, 3);
    const PackedWeights<int8_t> one = PackAmxTiles(matrix.view());
    const PackedWeights<int8_t> many = PackAmxTiles(matrix.view(), RoundRobin(3));
    ASSERT_EQ(many.panels.size(), one.panels.size());
    for (size_t i = 0; i < one.panels.size(); ++i) {
      EXPECT_EQ(many.panels[i].out, one.panels[i].out);
      EXPECT_EQ(many.panels[i].groups, one.panels[i].groups);
      EXPECT_EQ(many.panels[i].column, one.panels[i].column);
      EXPECT_EQ(many.panels[i].value, one.panels[i].value);
    }
    ASSERT_EQ(many.bytes(), one.bytes());
    const auto same = [](const auto& a, const auto& b) {
      return std::equal(a.data(), a.data() + a.size(), b.data());
    };
    EXPECT_TRUE(same(many.columns, one.columns));
    EXPECT_TRUE(same(many.values, one.values));
  }
}

TEST(AmxTiles, DenseWindowsAreNotGathered) {
  const RandomMatrix<int8_t> matrix(32, 128, 16, 4, 0.0, 3);
  const PackedWeights<int8_t> packed = PackAmxTiles(matrix.view());
  ASSERT_EQ(packed.panels.size(), 2u);
  EXPECT_EQ(packed.panels[1].groups, 2);
  EXPECT_EQ(Groups(packed, packed.panels[1])[1].sources, 0);
  EXPECT_EQ(Groups(packed, packed.panels[1])[1].columns[0], 16);
}

// 4x1 at 95%: a panel stores about a fifth of the inputs, in more than half of the quads.
TEST(AmxTiles, MergingHalvesTheGroups) {
  const RandomMatrix<int8_t> matrix(64, 4096, 4, 1, 0.95, 3);
  const PackedWeights<int8_t> packed = PackAmxTiles(matrix.view());
  for (const Panel& panel : packed.panels) {
    EXPECT_GE(panel.groups, 11);  // 18.5% of 64
    EXPECT_LE(panel.groups, 18);
  }
}

TEST(AmxTiles, CyclesCountWhatIsGathered) {
  const RandomMatrix<int8_t> dense(16, 128, 16, 4, 0.0, 3), sparse(16, 1280, 16, 4, 0.9, 3);
  const int64_t direct = AmxTileCycles(PackAmxTiles(dense.view()));
  const int64_t gathered = AmxTileCycles(PackAmxTiles(sparse.view()));
  EXPECT_GT(direct, 0);
  EXPECT_GT(gathered, direct);  // as many products
}

}  // namespace
}  // namespace tfsparse
