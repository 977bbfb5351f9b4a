#include "custom_ops/attention/heads_view.h"

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr int64_t kHuge = int64_t{1} << 62;

struct Viewed {
  Status status;
  int64_t batch = -7, tokens = -7;
  HeadsView view;
};

Viewed View(const HeadsSpec& spec, const std::vector<int64_t>& shape) {
  Viewed viewed;
  viewed.status = ValidateSpec(spec);
  if (viewed.status.ok()) {
    viewed.status = ViewHeads(spec, shape, &viewed.batch, &viewed.tokens, &viewed.view);
  }
  return viewed;
}

void ExpectView(const Viewed& viewed, const HeadsView& view) {
  ASSERT_TRUE(viewed.status.ok()) << viewed.status.message();
  EXPECT_EQ(viewed.batch, 2);
  EXPECT_EQ(viewed.tokens, 5);
  EXPECT_EQ(viewed.view.offset, view.offset);
  EXPECT_EQ(viewed.view.batch, view.batch);
  EXPECT_EQ(viewed.view.token, view.token);
  EXPECT_EQ(viewed.view.head, view.head);
}

TEST(HeadsView, ReadsChannelsOfAnyAxes) {
  const HeadsSpec spec = {"query", 3, 8, false, {}};
  for (const auto& shape : {std::vector<int64_t>{2, 5, 24}, {2, 5, 3, 8}, {2, 5, 1, 3, 8}}) {
    ExpectView(View(spec, shape), {0, 120, 24, 8});
  }
}

TEST(HeadsView, ReadsAPartOfAMergedProduct) {
  ExpectView(View({"key", 3, 8, false, {24, 8}}, {2, 5, 72}), {24, 360, 72, 8});
  ExpectView(View({"key", 3, 8, false, {8, 24}}, {2, 5, 3, 3, 8}), {8, 360, 72, 24});
}

TEST(HeadsView, ReadsHeadsFirst) {
  ExpectView(View({"value", 3, 8, true, {}}, {2, 3, 5, 8}), {0, 120, 8, 40});
}

TEST(HeadsView, TakesUnknownSizes) {
  const Viewed viewed = View({"query", 3, 8, false, {}}, {-1, -1, 3, -1});
  EXPECT_TRUE(viewed.status.ok());
  EXPECT_EQ(viewed.batch, -1);
  EXPECT_TRUE(View({"query", 3, 8, true, {}}, {-1, -1, kHuge, 8}).status.ok());
}

TEST(HeadsView, RefusesWhatDoesNotFit) {
  const HeadsSpec plain = {"query", 3, 8, false, {}}, first = {"query", 3, 8, true, {}};
  for (const auto& shape : {std::vector<int64_t>{2, 5}, {2, 5, 23}, {2, 5, 25}, {2, 5, 0}}) {
    EXPECT_NE(View(plain, shape).status.message().find("query"), std::string::npos);
  }
  for (const auto& shape : {std::vector<int64_t>{2, 3, 40}, {2, 4, 5, 8}, {2, 3, 5, 9}}) {
    EXPECT_FALSE(View(first, shape).status.ok());
  }
  EXPECT_FALSE(View({"query", 3, 8, false, {1, 8}}, {2, 5, 24}).status.ok());
  EXPECT_FALSE(View({"query", 3, 8, false, {0, 9}}, {2, 5, 25}).status.ok());
}

TEST(HeadsView, RefusesSpecs) {
  for (const HeadsSpec& spec :
       {HeadsSpec{"key", 0, 8, false, {}}, HeadsSpec{"key", 3, 0, false, {}},
        HeadsSpec{"key", 3, -8, false, {}}, HeadsSpec{"key", 3, 8, false, {0}},
        HeadsSpec{"key", 3, 8, false, {-1, 8}}, HeadsSpec{"key", 3, 8, false, {0, 7}},
        HeadsSpec{"key", 3, 8, true, {0, 8}}, HeadsSpec{"key", 3, 8, false, {kHuge, kHuge}},
        HeadsSpec{"key", kHuge, 8, false, {}}, HeadsSpec{"key", 3, kHuge, false, {}}}) {
    EXPECT_NE(ValidateSpec(spec).message().find("key"), std::string::npos);
  }
}

}  // namespace
}  // namespace tfsparse
