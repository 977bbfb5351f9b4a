#include "custom_ops/engine/tiles.h"

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

void ExpectCovered(int64_t rows, const TileVectors& allowed) {
  SCOPED_TRACE(testing::Message() << rows << " rows, " << allowed.min << " to " << allowed.max
                                  << (allowed.one ? " or one" : ""));
  const Tiles tiles(rows, allowed);
  EXPECT_EQ(tiles.begin(0), 0);
  EXPECT_EQ(tiles.end(tiles.count() - 1), rows);
  int64_t vectors = 0;
  for (int64_t t = 0; t < tiles.count(); ++t) {
    const int own = tiles.vectors(t);
    vectors += own;
    ASSERT_TRUE(own == 1 ? allowed.one || allowed.min == 1 : own % allowed.min == 0) << own;
    ASSERT_GE(own, 1);
    ASSERT_LE(own, tiles.max_vectors());
    ASSERT_LE(tiles.max_vectors(), allowed.max);
    ASSERT_GE(tiles.rows(t), 1);
    ASSERT_LE(tiles.rows(t), own * kLanes);
    if (t > 0) {
      ASSERT_EQ(tiles.begin(t), tiles.end(t - 1));
    }
  }
  EXPECT_EQ(tiles.vectors(), vectors);
}

TEST(Tiles, CoverTheRowsInOrder) {
  for (int64_t rows = 1; rows < 700; ++rows) {
    for (int max : {1, 3, 4, 8}) {
      for (int min : {1, 2, max}) {
        if (min > max) continue;
        for (bool one : {false, true}) ExpectCovered(rows, {min, max, one});
      }
    }
  }
}

TEST(Tiles, AreEven) {
  const Tiles tiles(64, {1, 3, true});  // 4 vectors: 2 and 2, not 3 and 1
  EXPECT_EQ(tiles.count(), 2);
  EXPECT_EQ(tiles.vectors(0), 2);
  EXPECT_EQ(tiles.vectors(1), 2);
}

TEST(Tiles, OfOneVectorTakeWhatIsLeft) {
  const Tiles six(6 * kLanes, {4, 4, true});
  EXPECT_EQ(six.count(), 3);
  EXPECT_EQ(six.vectors(0), 4);
  EXPECT_EQ(six.vectors(2), 1);
  const Tiles seven(7 * kLanes, {4, 4, true});  // three of one would cost more than one of four
  EXPECT_EQ(seven.count(), 2);
  EXPECT_EQ(seven.vectors(), 8);
}

}  // namespace
}  // namespace tfsparse
