// The lookup interaction on every instruction set: beside float64, and for int8 bit for bit beside
// the portable one.

#include "custom_ops/interaction/lookup_interaction.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/round_robin.h"
#include "custom_ops/interaction/interaction_problem.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr TableType kTypes[] = {TableType::kF32, TableType::kBf16, TableType::kS8};

float FloatAt(const std::vector<uint8_t>& bytes, int64_t i) {
  float value;
  std::memcpy(&value, bytes.data() + i * 4, 4);
  return value;
}

// Each column of y beside float64. A dot of n products is off by (n + 2) * 2^-24 of their
// magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and by what its
// operands are off.
void ExpectExact(const InteractionProblem& problem, const std::vector<uint8_t>& y,
                 const std::string& name) {
  const std::vector<int64_t>& columns = problem.attributes.columns;
  for (int64_t b = 0; b < problem.call.batch; ++b) {
    std::vector<InteractionProblem::Feature> features;
    for (int64_t f = 0; f < problem.plan.features(); ++f) {
      features.push_back(problem.FeatureOf(b, f));
    }
    int64_t at = b * problem.columns;
    for (size_t c = 0; c < columns.size(); c += 2) {
      const int64_t i = columns[c], j = columns[c + 1];
      if (i < 0) {
        ASSERT_EQ(FloatAt(y, at++), 0) << name;
        continue;
      }
      const auto& a = features[i];
      if (j < 0) {
        for (double value : a.value) ASSERT_NEAR(FloatAt(y, at++), value, a.value_error) << name;
        continue;
      }
      const auto& other = features[j];
      double dot = 0, bound = 0;
      const double unit = static_cast<double>(a.operand.size() + 4) * 0x1p-24;
      for (size_t d = 0; d < a.operand.size(); ++d) {
        const double x = a.operand[d], z = other.operand[d];
        dot += x * z;
        bound += std::abs(x) * other.operand_error + std::abs(z) * a.operand_error +
                 a.operand_error * other.operand_error + unit * std::abs(x * z);
      }
      ASSERT_NEAR(FloatAt(y, at++), dot, bound) << name << ": item " << b << ", " << i << "." << j;
    }
  }
}

class LookupInteraction : public testing::TestWithParam<Isa> {};

void Check(const InteractionOptions& options, Isa isa, unsigned seed, const std::string& name) {
  InteractionProblem problem(options, seed);
  const std::vector<uint8_t> y = problem.Run(isa);
  ASSERT_TRUE(problem.status.ok()) << problem.status.message();
  ExpectExact(problem, y, name);
  if (options.type == TableType::kS8) {
    EXPECT_EQ(y, problem.Run(Isa::kPortable)) << name;
  }
}

TEST_P(LookupInteraction, MatchesTheReference) {
  unsigned seed = 1;
  for (TableType type : kTypes) {
    for (int64_t depth : {1, 3, 16, 33, 127, 128}) {
      for (int64_t lookups : {1, 7, 15, 26, 40}) {
        InteractionOptions o;
        o.type = type;
        o.depth = depth;
        o.lookups = lookups;
        o.batch = 2;
        o.has_dense = seed % 3 != 0;
        o.dense_is_u8 = seed % 2 == 0;
        o.is_64 = seed % 5 < 2;
        o.has_row_scales = seed % 7 < 3;
        Check(o, GetParam(), seed++, std::to_string(lookups) + " of " + std::to_string(depth));
      }
    }
  }
}

TEST_P(LookupInteraction, OfBags) {
  unsigned seed = 1;
  for (TableType type : kTypes) {
    for (Combiner combiner : {Combiner::kSum, Combiner::kMean, Combiner::kSqrtN}) {
      for (bool has_splits : {false, true}) {
        for (int64_t depth : {5, 16, 100}) {
          InteractionOptions o;
          o.type = type;
          o.combiner = combiner;
          o.has_splits = has_splits;
          o.bag = 3;
          o.depth = depth;
          o.lookups = 9;
          o.batch = 7;
          o.is_64 = seed % 2 == 0;
          Check(o, GetParam(), seed++, std::string(NameOf(combiner)) + std::to_string(depth));
        }
      }
    }
  }
}

// Any pairs, in any order and more than once, and features that are not dotted.
TEST_P(LookupInteraction, OfAnyColumns) {
  std::mt19937 random(1);
  for (TableType type : kTypes) {
    for (int trial = 0; trial < 20; ++trial) {
      InteractionOptions o;
      o.type = type;
      o.lookups = 1 + random() % 40;
      o.depth = 1 + random() % 40;
      for (int entry = 1 + random() % 60; entry > 0; --entry) {
        const int64_t i = random() % (o.lookups + 1), j = random() % (o.lookups + 1);
        o.columns.push_back(entry % 9 == 0 ? -1 : i);
        o.columns.push_back(entry % 9 == 0 || entry % 7 == 0 ? -1 : j);
      }
      Check(o, GetParam(), trial, "trial " + std::to_string(trial));
    }
  }
}

TEST_P(LookupInteraction, WritesBytes) {
  for (TableType type : kTypes) {
    InteractionOptions o;
    o.type = type;
    o.lookups = 11;
    InteractionProblem floats(o, 1);
    o.y_is_u8 = true;
    InteractionProblem bytes(o, 1);
    const std::vector<uint8_t> y = floats.Run(GetParam()), q = bytes.Run(GetParam());
    const float inverse = 1 / bytes.call.y_scale;
    for (size_t i = 0; i < q.size(); ++i) {
      const float wanted = std::nearbyint(FloatAt(y, i) * inverse) + 121;
      ASSERT_EQ(q[i], std::min(255.0f, std::max(0.0f, wanted)));
    }
  }
}

TEST_P(LookupInteraction, OnThreads) {
  for (TableType type : kTypes) {
    InteractionOptions o;
    o.type = type;
    o.batch = 300;
    InteractionProblem problem(o, 1);
    EXPECT_EQ(problem.Run(GetParam()), problem.Run(GetParam(), RoundRobin(3)));
  }
}

// What is not finite stays with its feature, and is what TensorFlow makes of it.
TEST_P(LookupInteraction, KeepsNonFiniteValues) {
  for (TableType type : kTypes) {
    for (float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      InteractionOptions o;
      o.type = type;
      o.lookups = 5;
      o.depth = 21;
      o.columns = {0, -1, 1, 0, 2, 1, 0, 5};
      InteractionProblem problem(o, 1);
      problem.dense[21 * 2 + 20] = bad;
      const std::vector<uint8_t> y = problem.Run(GetParam());
      for (int64_t i = 0; i < 5 * 24; ++i) {
        const int64_t item = i / 24, column = i % 24;
        const bool is_bad = item == 2 && (column == 20 || column == 21 || column == 23);
        EXPECT_EQ(!std::isfinite(FloatAt(y, i)), is_bad) << i;
      }
    }
  }
}

TEST_P(LookupInteraction, OfNothing) {
  for (TableType type : kTypes) {
    for (int64_t depth : {0, 5}) {
      InteractionOptions o;
      o.type = type;
      o.batch = depth == 0 ? 3 : 0;
      o.depth = depth;
      Check(o, GetParam(), 1, "nothing");
      o.lookups = 0;
      Check(o, GetParam(), 1, "no lookups");
    }
  }
}

TEST_P(LookupInteraction, RefusesIdsOutsideOfTheirTable) {
  for (bool is_64 : {false, true}) {
    for (int64_t bad : {int64_t{-1}, int64_t{40}, int64_t{INT32_MIN}, int64_t{INT32_MAX}}) {
      InteractionOptions o;
      o.is_64 = is_64;
      o.batch = 100;
      InteractionProblem problem(o, 1);
      const auto spoil = [&](int64_t list, int64_t at) {
        problem.ids[list][at] = bad;
        problem.short_ids[list][at] = static_cast<int32_t>(bad);
      };
      spoil(2, 99);
      spoil(1, 2 * 70 + 1);
      spoil(1, 2 * 3);  // not in a column that is read
      problem.Run(GetParam(), RoundRobin(3));
      EXPECT_EQ(problem.status.message(), "`ids[1]` should be in [0, 40): indices[70,1] = " +
                                              std::to_string(bad) + " is not in [0, 40)");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, LookupInteraction,
                         testing::ValuesIn(SupportedIsas(GetCpuFeatures())),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

// Crafted calls: each is refused with a word that names what is wrong.
TEST(InteractionShape, IsChecked) {
  const auto refuses = [&](const char* word, auto change) {
    InteractionOptions o;
    o.has_splits = true;
    o.bag = 2;
    o.type = TableType::kS8;
    o.is_64 = true;
    InteractionProblem problem(o, 1);
    problem.Run(Isa::kPortable);
    ASSERT_TRUE(problem.status.ok()) << problem.status.message();
    change(&problem);
    problem.Run(Isa::kPortable);
    EXPECT_NE(problem.status.message().find(word), std::string::npos)
        << word << ": " << problem.status.message();
  };
  using P = InteractionProblem;
  refuses("row_splits[1]", [](P* p) { p->splits[1][0] = 1; });
  refuses("row_splits[1]", [](P* p) { p->splits[1][2] = -7; });
  refuses("row_splits[1]", [](P* p) { p->splits[1][2] = int64_t{1} << 62; });
  refuses("row_splits[0]", [](P* p) { ++p->splits[0].back(); });
  refuses("row_splits[0]", [](P* p) { p->call.splits[0].size = 5; });
  refuses("row_splits", [](P* p) { p->call.splits.pop_back(); });
  refuses("tables", [](P* p) { p->call.tables.pop_back(); });
  refuses("ids", [](P* p) { p->call.ids.pop_back(); });
  refuses("dense", [](P* p) { p->call.has_dense = false; });
  refuses("equally wide", [](P* p) { p->call.dense_width = 3; });
  refuses("wide", [](P* p) { p->call.tables[1].width = int64_t{1} << 60; });
  refuses("y_scale", [](P* p) { p->call.y_scale = 0; });
  refuses("dense_scale", [](P* p) { p->call.dense_scale = -1; });
  refuses("y_zero_point", [](P* p) { p->call.y_zero_point = 256; });
  refuses("dense_zero_point", [](P* p) { p->call.dense_zero_point = -1; });
  refuses("int8", [](P* p) {
    p->call.dense_width = 1 << 16;
    for (auto& table : p->call.tables) table.width = 1 << 16;
  });
}

TEST(InteractionShape, OfIdsWithoutSplits) {
  InteractionOptions o;
  o.bag = 3;
  InteractionProblem problem(o, 1);
  for (int64_t start : {1, 5}) {
    problem.plan.lookups[0].start = start;
    problem.plan.lookups[0].size = 3;
    problem.Run(Isa::kPortable);
    EXPECT_NE(problem.status.message().find("lookup_starts"), std::string::npos) << start;
  }
  problem.plan.lookups[0].start = 0;
  problem.call.ids[0].items = 3;
  problem.Run(Isa::kPortable);
  EXPECT_NE(problem.status.message().find("ids[0]"), std::string::npos);
}

TEST(InteractionPlan, IsChecked) {
  const auto refuses = [&](const char* word, auto change) {
    InteractionAttributes a;
    a.table_count = a.ids_count = 2;
    a.splits_count = 1;
    a.tables = a.ids = {0, 1};
    a.columns = {0, 2, 1, -1, -1, -1};
    InteractionPlan good, bad;
    ASSERT_TRUE(InteractionPlan::Create(a, &good).ok());
    change(&a);
    const Status status = InteractionPlan::Create(a, &bad);
    EXPECT_NE(status.message().find(word), std::string::npos) << word << ": " << status.message();
  };
  using A = InteractionAttributes;
  refuses("lookup_tables[1]", [](A* a) { a->tables[1] = 2; });
  refuses("lookup_tables[1]", [](A* a) { a->tables[1] = -1; });
  refuses("lookup_tables", [](A* a) { a->tables.resize(5000), a->ids.resize(5000); });
  refuses("lookup_ids", [](A* a) { a->ids.pop_back(); });
  refuses("lookup_ids[0]", [](A* a) { a->ids[0] = -1; });
  refuses("lookup_starts", [](A* a) { a->starts = {1}; });
  refuses("lookup_starts[1]", [](A* a) { a->starts = {1, -1}; });
  refuses("lookup_sizes[0]", [](A* a) { a->sizes = {-2, 1}; });
  refuses("lookup_splits[0]", [](A* a) { a->splits = {1, 0}; });
  refuses("lookup_splits[0]", [](A* a) { a->splits = {-2, 0}; });
  refuses("id_offsets", [](A* a) { a->id_offsets = {1, 2, 3}; });
  refuses("wraps_negative", [](A* a) { a->wraps_negative = {true}; });
  refuses("combiners", [](A* a) { a->combiners = {"sum", "max"}; });
  refuses("columns", [](A* a) { a->columns.push_back(0); });
  for (std::vector<int64_t> pair :
       {std::vector<int64_t>{3, 0}, {0, 3}, {-1, 0}, {0, -2}, {-2, -2}}) {
    refuses("columns", [&](A* a) { a->columns = pair; });
  }
}

// Neighbours become one segment.
TEST(InteractionPlan, JoinsColumns) {
  InteractionAttributes a;
  a.table_count = a.ids_count = 4;
  a.tables = a.ids = {0, 1, 2, 3};
  a.columns = {2, -1, 3, 1, 3, 2, 4, 1, 4, 2, 4, 3, -1, -1, -1, -1};
  InteractionPlan plan;
  ASSERT_TRUE(InteractionPlan::Create(a, &plan).ok());
  std::vector<int64_t> sizes;
  for (const InteractionSegment& segment : plan.segments) sizes.push_back(segment.size);
  EXPECT_EQ(sizes, (std::vector<int64_t>{1, 2, 3, 2}));
  EXPECT_EQ(plan.operands, (std::vector<int32_t>{1, 2, 3, 4}));
  EXPECT_EQ(plan.row_begin, (std::vector<int64_t>{0, 0, 0, 0}));
  EXPECT_EQ(plan.row_end, (std::vector<int64_t>{0, 0, 2, 3}));
}

}  // namespace
}  // namespace tfsparse
