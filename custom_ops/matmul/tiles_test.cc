#include "custom_ops/matmul/tiles.h"

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(Tiles, CoverTheRowsInOrder) {
  for (int64_t rows = 1; rows < 700; ++rows) {
    for (int most : {1, 3, 4, 8}) {
      for (int least : {1, 2, most}) {
        if (most % least != 0) continue;
        SCOPED_TRACE(testing::Message() << rows << " rows, " << least << " to " << most);
        const Tiles tiles(rows, least, most);
        EXPECT_EQ(tiles.begin(0), 0);
        EXPECT_EQ(tiles.end(tiles.count() - 1), rows);
        for (int64_t t = 0; t < tiles.count(); ++t) {
          ASSERT_GE(tiles.vectors(t), least);
          ASSERT_EQ(tiles.vectors(t) % least, 0);
          ASSERT_LE(tiles.vectors(t), tiles.most_vectors());
          ASSERT_LE(tiles.most_vectors(), most);
          ASSERT_GE(tiles.rows(t), 1);
          ASSERT_LE(tiles.rows(t), tiles.vectors(t) * kLanes);
          if (t > 0) {
            ASSERT_EQ(tiles.begin(t), tiles.end(t - 1));
          }
        }
      }
    }
  }
}

TEST(Tiles, AreEven) {
  const Tiles tiles(64, 1, 3);  // 4 vectors: 2 and 2, not 3 and 1
  EXPECT_EQ(tiles.count(), 2);
  EXPECT_EQ(tiles.vectors(0), 2);
  EXPECT_EQ(tiles.vectors(1), 2);
}

}  // namespace
}  // namespace tfsparse
