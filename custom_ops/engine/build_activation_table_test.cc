// The error that build_activation_table.h states, against float64, for every input of a table.

#include "custom_ops/engine/build_activation_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <thread>

#include "custom_ops/kernels/look_up.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

struct Case {
  const char* name;
  Activation activation;
  double min;  // of the activation
};

const Case kCases[] = {
    {"gelu", Activation::kGelu, -0.17},   {"gelu_tanh", Activation::kGeluTanh, -0.17},
    {"silu", Activation::kSilu, -0.2785}, {"sigmoid", Activation::kSigmoid, 0},
    {"tanh", Activation::kTanh, -1},
};

struct Errors {
  int max = 0;        // in steps, of what is looked up from exact y, rounded
  double beyond = 0;  // steps by which exact y is farther from q than half a step
  int64_t wrong = 0;  // inputs where q is not the nearest
};

// Of x beyond the ends too, where w saturates.
Errors ErrorsOf(const ActivationTable& table, Activation activation, double scale, int zero_point) {
  Errors errors;
  for (int w = -40000; w < 40000; ++w) {
    const double x = (w - static_cast<double>(table.offset)) / static_cast<double>(table.unit);
    const double exact =
        std::clamp(ReferenceActivation(x, activation) / scale + zero_point, 0.0, 255.0);
    const int q = LookUpU8(table, static_cast<float>(w));
    const int nearest = static_cast<int>(std::nearbyint(exact));
    errors.max = std::max(errors.max, std::abs(q - nearest));
    errors.beyond = std::max(errors.beyond, std::abs(q - exact) - 0.5);
    errors.wrong += q != nearest;
  }
  return errors;
}

class ActivationTables : public testing::TestWithParam<Case> {};

// Scales of real models: 255 steps from the minimum of the activation to some maximum.
TEST_P(ActivationTables, AreTheNearestOrTheNextInsideARange) {
  const Case& c = GetParam();
  for (double max : {0.25, 0.5, 1.0, 3.0, 10.0, 25.0, 50.0}) {
    if (c.min == -1 && max != 1) continue;  // tanh
    const float scale = static_cast<float>((max - c.min) / 255);
    const int zero_point = static_cast<int>(std::nearbyint(-c.min / static_cast<double>(scale)));
    ActivationTable table;
    const bool is_coarse_sigmoid = c.activation == Activation::kSigmoid && max < 1;
    if (!BuildActivationTable(c.activation, scale, zero_point, &table)) {
      EXPECT_TRUE(is_coarse_sigmoid) << max;
      continue;
    }
    const Errors errors = ErrorsOf(table, c.activation, static_cast<double>(scale), zero_point);
    EXPECT_LE(errors.max, 1) << max;
    EXPECT_LE(errors.beyond, max <= 25 ? 0.065 : 0.1) << max;
    EXPECT_LE(errors.wrong, 80000 / 80) << max;
  }
}

// Any scale and zero point: a table is within a quarter of a step, or there is none.
TEST_P(ActivationTables, AreWithinAQuarterOfAStepOrNone) {
  const Case& c = GetParam();
  int tables = 0;
  for (double scale = 1e-38; scale < 1e38; scale *= scale > 1e-5 && scale < 100 ? 1.7 : 1e4) {
    for (int zero_point : {0, 7, 128, 255}) {
      ActivationTable table;
      const float y_scale = static_cast<float>(scale);
      if (!BuildActivationTable(c.activation, y_scale, zero_point, &table)) continue;
      ++tables;
      const Errors errors = ErrorsOf(table, c.activation, static_cast<double>(y_scale), zero_point);
      ASSERT_LE(errors.max, 1) << scale << " " << zero_point;
      ASSERT_LE(errors.beyond, 0.25) << scale << " " << zero_point;
    }
  }
  EXPECT_GE(tables, 30);
}

TEST_P(ActivationTables, AreFoundAgain) {
  const Case& c = GetParam();
  for (int turn = 0; turn < 2; ++turn) {
    for (int i = 1; i < static_cast<int>(kKeptTables) + 50; ++i) {  // more than are kept
      const float scale = 0.01f + 0.00001f * static_cast<float>(i);
      const int zero_point = i % 256;
      ActivationTable table;
      ASSERT_TRUE(BuildActivationTable(c.activation, scale, zero_point, &table)) << i;
      const ActivationTable* found = FindActivationTable(c.activation, scale, zero_point);
      ASSERT_NE(found, nullptr);
      ASSERT_EQ(std::memcmp(found->c, table.c, sizeof(table.c)), 0) << i;
      ASSERT_EQ(found->unit, table.unit);
      ASSERT_EQ(found->offset, table.offset);
      ASSERT_EQ(found, FindActivationTable(c.activation, scale, zero_point));
    }
  }
  EXPECT_EQ(FindActivationTable(c.activation, 1e-30f, 0), nullptr);
}

// The layers of a model, one after the other, build no table twice: none has lost its place.
TEST(FindActivationTable, KeepsAllTablesOfALargeModel) {
  constexpr int kLayers = 150;
  const auto scale = [](int i) { return 0.01f + 0.0001f * static_cast<float>(i); };
  std::set<const ActivationTable*> places;
  std::thread fresh([&] {
    for (int i = 0; i < kLayers; ++i) {
      places.insert(FindActivationTable(Activation::kSilu, scale(i), i));
      places.insert(FindActivationTable(Activation::kSigmoid, scale(i), i));
      places.insert(FindActivationTable(Activation::kSigmoid, scale(i), i + 1));
    }
  });
  fresh.join();
  EXPECT_EQ(places.size(), 3 * kLayers);
}

INSTANTIATE_TEST_SUITE_P(All, ActivationTables, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

}  // namespace
}  // namespace tfsparse
