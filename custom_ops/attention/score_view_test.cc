#include "custom_ops/attention/score_view.h"

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr int64_t kSizes[4] = {2, 3, 5, 7};

void ExpectView(const std::vector<int64_t>& shape, const ScoreView& expected) {
  ScoreView view;
  ASSERT_TRUE(ViewScores("mask", shape, kSizes, &view).ok());
  EXPECT_EQ(view.batch, expected.batch);
  EXPECT_EQ(view.head, expected.head);
  EXPECT_EQ(view.query, expected.query);
  EXPECT_EQ(view.key, expected.key);
}

TEST(ScoreView, Broadcasts) {
  ExpectView({2, 3, 5, 7}, {105, 35, 7, 1});
  ExpectView({2, 1, 1, 7}, {7, 0, 0, 1});
  ExpectView({2, 1, 5, 1}, {5, 0, 1, 0});
  ExpectView({5, 7}, {0, 0, 7, 1});
  ExpectView({3, 1, 1}, {0, 1, 0, 0});
  ExpectView({1}, {0, 0, 0, 0});
  ExpectView({}, {0, 0, 0, 0});
}

TEST(ScoreView, RefusesOtherShapes) {
  ScoreView view;
  for (const auto& shape : {std::vector<int64_t>{2, 7}, {6}, {0}, {3, 3, 5, 7}, {1, 1, 1, 5, 7}}) {
    EXPECT_NE(ViewScores("mask", shape, kSizes, &view).message().find("mask"), std::string::npos);
  }
}

TEST(ScoreView, TakesUnknownSizes) {
  ScoreView view;
  constexpr int64_t kHuge = int64_t{1} << 62;
  EXPECT_TRUE(ViewScores("mask", {-1, 1, 5, -1}, kSizes, &view).ok());
  EXPECT_TRUE(ViewScores("mask", {9, kHuge, kHuge, kHuge}, {-1, -1, -1, -1}, &view).ok());
}

}  // namespace
}  // namespace tfsparse
