// Attention of every shape, mask and type on every instruction set, beside float64.

#include "custom_ops/attention/attention.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "custom_ops/attention/attention_problem.h"
#include "custom_ops/base/round_robin.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

// Batch, heads, heads of keys, queries, keys, sizes of heads: ones, a bit less and more than a
// register, a tile and a block hold, and those that models have.
const AttentionShape kShapes[] = {
    {1, 1, 1, 1, 1, 1, 1},       {2, 3, 3, 5, 7, 8, 8},      {1, 2, 1, 17, 33, 17, 9},
    {1, 4, 2, 16, 64, 32, 32},   {1, 1, 1, 65, 130, 64, 64}, {1, 2, 2, 40, 50, 80, 80},
    {1, 1, 1, 33, 513, 96, 100}, {2, 4, 1, 3, 1030, 64, 33}, {1, 1, 1, 50, 66, 128, 128},
    {2, 2, 2, 4, 0, 8, 8},       {0, 2, 2, 4, 3, 8, 8},      {1, 2, 2, 0, 3, 8, 8},
};
// For masks: odd sizes, more than one tile and one block.
const AttentionShape kMaskShapes[] = {{2, 4, 2, 37, 21, 8, 8}, {1, 2, 2, 9, 600, 4, 4}};

const Masking kMaskings[] = {
    {"bias_of_keys", {0, 1, 1, 0}, {}},
    {"bias_of_all", {0, 0, 0, 0}, {}},
    {"bias_of_queries", {0, 1}, {}},
    {"bias_of_pairs", {0, 0}, {}},
    {"bias_of_heads", {0, 1, 1}, {}},
    {"bias_of_nothing", {1}, {}},
    {"padding", {}, {0, 1, 1, 0}},
    {"mask_of_pairs", {}, {0, 1, 0, 0}},
    {"mask_of_all", {}, {0, 0, 0, 0}, false, 0, true, kLowest},
    {"mask_of_queries", {}, {0, 0, 0, 1}},
    {"mask_of_one", {}, {1, 1, 1, 1}},
    {"few_kept", {}, {0, 0, 0, 0}, false, 0, true, -kInf, true, 0, 0.02},
    {"few_kept_added", {}, {0, 0, 0, 0}, false, 0, false, -kInf, true, 0, 0.02},
    {"none_kept", {}, {0, 1, 1, 0}, false, 0, false, -1e9f, true, 0, 0},
    {"none_kept_lowest", {}, {0, 1, 1, 0}, false, 0, true, kLowest, true, 0, 0},
    {"none_kept_infinite", {}, {0, 1, 1, 0}, false, 0, true, -kInf, true, 0, 0},
    {"slightly_masked", {}, {0, 1, 0, 0}, false, 0, false, -1.5f},
    {"causal", {}, {}, true},
    {"causal_before", {}, {}, true, -3, true, -kInf},
    {"causal_behind", {}, {}, true, 5},
    {"causal_far", {}, {}, true, 563},
    {"causal_and_padding", {}, {0, 1, 1, 0}, true},
    {"soft_cap", {}, {}, false, 0, false, 0, true, 0.7f},
    {"all", {0, 0, 0, 0}, {0, 1, 0, 0}, true, 2, true, -30, true, 2},
    {"all_bias_last", {0, 0, 0, 0}, {0, 1, 0, 0}, true, 2, true, -1e4f, false, 2},
};

struct Kind {
  Isa isa;
  AttentionCompute compute;
};

// The kernels of this processor, each once.
std::vector<Kind> Kinds() {
  std::vector<Kind> kinds;
  std::set<AttentionTileFunction> seen;
  for (Isa isa : SupportedIsas(GetCpuFeatures())) {
    for (AttentionCompute compute : {AttentionCompute::kFloat32, AttentionCompute::kBFloat16}) {
      if (seen.insert(ChooseAttention(isa, compute).run).second) kinds.push_back({isa, compute});
    }
  }
  return kinds;
}

std::string NameOf(const testing::TestParamInfo<Kind>& info) {
  return std::string(IsaName(info.param.isa)) +
         (info.param.compute == AttentionCompute::kBFloat16 ? "_bf16" : "_f32");
}

std::vector<uint32_t> Bits(const std::vector<float>& floats) {
  std::vector<uint32_t> bits;
  for (float value : floats) std::memcpy(&bits.emplace_back(), &value, sizeof(value));
  return bits;
}

class Attention : public testing::TestWithParam<Kind> {
 protected:
  AttentionKernel kernel() const { return ChooseAttention(GetParam().isa, GetParam().compute); }
};

void Check(const AttentionProblem& problem, const AttentionKernel& kernel) {
  AttentionCall call = problem.call();
  std::vector<float> y(problem.y_size(), 1234.5f), turns(y);
  call.y = y.data();
  ASSERT_TRUE(ValidateAttention(call).ok());
  RunAttention(call, kernel, Threads());
  std::vector<double> expected, bound;
  for (int64_t b = 0; b < call.batch; ++b) {
    for (int64_t h = 0; h < call.heads; ++h) {
      for (int64_t t = 0; t < call.queries; ++t) {
        problem.Expected(b, h, t, &expected, &bound);
        for (int64_t d = 0; d < call.value_head_size; ++d) {
          const float value = y[problem.YAt(b, h, t, d)];
          ASSERT_EQ(std::isnan(value), std::isnan(expected[d])) << b << "," << h << "," << t;
          if (std::isnan(value)) continue;
          ASSERT_LE(std::abs(value - expected[d]), bound[d])
              << "of " << expected[d] << " at " << b << "," << h << "," << t << "," << d;
        }
      }
    }
  }
  call.y = turns.data();
  RunAttention(call, kernel, RoundRobin(3));
  EXPECT_EQ(Bits(y), Bits(turns));
}

TEST_P(Attention, MatchesTheReference) {
  unsigned seed = 1;
  for (const AttentionShape& shape : kShapes) {
    SCOPED_TRACE(testing::Message() << "shape " << seed);
    const AttentionProblem problem(shape, {}, GetParam().compute, false, seed++);
    Check(problem, kernel());
  }
}

TEST_P(Attention, Masks) {
  unsigned seed = 1;
  for (const AttentionShape& shape : kMaskShapes) {
    for (const Masking& masking : kMaskings) {
      SCOPED_TRACE(testing::Message() << masking.name << ", seed " << seed);
      const AttentionProblem problem(shape, masking, GetParam().compute, false, seed++);
      Check(problem, kernel());
    }
  }
}

TEST_P(Attention, ReadsBytes) {
  unsigned seed = 1;
  for (const AttentionShape& shape : kShapes) {
    SCOPED_TRACE(testing::Message() << "shape " << seed);
    const AttentionProblem problem(shape, {}, GetParam().compute, true, seed++,
                                   kernel().has_exact_bytes);
    Check(problem, kernel());
  }
}

// The bytes are those of the floats.
TEST_P(Attention, WritesBytes) {
  unsigned seed = 1;
  for (const AttentionShape& shape : kShapes) {
    const AttentionProblem problem(shape, kMaskings[0], GetParam().compute, false, seed++);
    AttentionCall call = problem.call();
    std::vector<float> floats(problem.y_size());
    std::vector<uint8_t> bytes(problem.y_size(), 77);
    call.y = floats.data();
    RunAttention(call, kernel(), Threads());
    call.y = bytes.data();
    call.y_is_u8 = true;
    call.y_scale = 0.009f;
    call.y_zero_point = 117;
    RunAttention(call, kernel(), Threads());
    for (int64_t i = 0; i < problem.y_size(); ++i) {
      const float scaled = std::nearbyint(floats[i] * (1 / call.y_scale)) + 117;
      ASSERT_EQ(bytes[i], std::min(255.0f, std::max(0.0f, scaled))) << i;
    }
  }
}

TEST_P(Attention, WritesTheLowestByteForNan) {
  Masking masking = {"none", {}, {1}, false, 0, true, -kInf, true, 0, 0};
  const AttentionProblem problem({1, 1, 1, 3, 5, 8, 20}, masking, GetParam().compute, false, 1);
  AttentionCall call = problem.call();
  std::vector<uint8_t> bytes(problem.y_size(), 77);
  call.y = bytes.data();
  call.y_is_u8 = true;
  call.y_zero_point = 9;
  RunAttention(call, kernel(), Threads());
  EXPECT_EQ(bytes, std::vector<uint8_t>(problem.y_size(), 0));
}

// A query that sees no key gives 0 in place of a mean of all values; all others stay as they are.
TEST_P(Attention, ZeroesWhatIsAllMasked) {
  const AttentionShape shape = {2, 3, 1, 20, 7, 8, 5};
  const Masking masking = {"rows", {}, {0, 1, 0, 1}, true, 0, true};
  const AttentionProblem problem(shape, masking, GetParam().compute, false, 3);
  AttentionCall call = problem.call();
  std::vector<float> plain(problem.y_size()), zeroed(plain);
  std::vector<uint8_t> bytes(problem.y_size(), 77);
  call.y = plain.data();
  RunAttention(call, kernel(), Threads());
  call.zero_masked = true;
  call.y = zeroed.data();
  RunAttention(call, kernel(), Threads());
  call.y = bytes.data();
  call.y_is_u8 = true;
  call.y_zero_point = 11;
  RunAttention(call, kernel(), Threads());
  int hidden = 0;
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t t = 0; t < shape.queries; ++t) {
      const ScoreView& view = call.mask_view;
      const bool kept = call.mask[b * view.batch + t * view.query] != 0;
      hidden += !kept;
      const int64_t at = problem.YAt(b, 1, t, 2);
      EXPECT_EQ(zeroed[at], kept ? plain[at] : 0.0f) << b << "," << t;
      if (!kept) EXPECT_EQ(bytes[at], 11);
    }
  }
  EXPECT_GT(hidden, 0);
}

// NaN and infinity in a query, a key or a value reach what depends on them, and nothing else.
TEST_P(Attention, KeepsNonFiniteValues) {
  const AttentionShape shape = {1, 1, 1, 20, 40, 8, 8};
  for (float bad : {kInf, -kInf, std::numeric_limits<float>::quiet_NaN()}) {
    const AttentionProblem problem(shape, {}, GetParam().compute, false, 1);
    AttentionCall call = problem.call();
    std::vector<float> query(static_cast<const float*>(call.query),
                             static_cast<const float*>(call.query) + call.query_view.batch);
    query[7 * call.query_view.token + call.query_view.offset + 3] = bad;
    call.query = query.data();
    std::vector<float> y(problem.y_size());
    call.y = y.data();
    RunAttention(call, kernel(), Threads());
    for (int64_t i = 0; i < problem.y_size(); ++i) {
      EXPECT_EQ(std::isnan(y[i]), i / 8 == 7) << i << " with " << bad;
    }
    call.query = problem.call().query;
    std::vector<float> value(static_cast<const float*>(call.value),
                             static_cast<const float*>(call.value) + call.value_view.batch);
    value[17 * call.value_view.token + call.value_view.offset + 5] = bad;
    call.value = value.data();
    RunAttention(call, kernel(), Threads());
    for (int64_t i = 0; i < problem.y_size(); ++i) {
      EXPECT_EQ(std::isfinite(y[i]), i % 8 != 5) << i << " with " << bad;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, Attention, testing::ValuesIn(Kinds()), NameOf);

// Registers of different widths add in the same order.
TEST(AttentionKernels, OfVectorsGiveTheSameBits) {
  const CpuFeatures& features = GetCpuFeatures();
  if (!features.avx512) GTEST_SKIP() << "this CPU lacks AVX-512";
  for (const AttentionShape& shape : kShapes) {
    const AttentionProblem problem(shape, kMaskings[0], AttentionCompute::kFloat32, false, 1);
    AttentionCall call = problem.call();
    std::vector<float> wide(problem.y_size()), narrow(wide);
    call.y = wide.data();
    RunAttention(call, ChooseAttention(Isa::kAvx512, AttentionCompute::kFloat32), Threads());
    call.y = narrow.data();
    RunAttention(call, ChooseAttention(Isa::kAvx2, AttentionCompute::kFloat32), Threads());
    EXPECT_EQ(Bits(wide), Bits(narrow));
  }
}

TEST(AttentionCall, IsValidated) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  AttentionCall good;
  EXPECT_TRUE(ValidateAttention(good).ok());
  const auto refuses = [&](auto change, const char* word) {
    AttentionCall call = good;
    change(&call);
    EXPECT_NE(ValidateAttention(call).message().find(word), std::string::npos) << word;
  };
  refuses([](AttentionCall* c) { c->heads = 3, c->kv_heads = 2; }, "kv_heads");
  refuses([](AttentionCall* c) { c->heads = 0; }, "kv_heads");
  refuses([](AttentionCall* c) { c->kv_heads = -1; }, "kv_heads");
  for (float bad : {nan, kInf}) {
    refuses([&](AttentionCall* c) { c->scale = bad; }, "scale");
    refuses([&](AttentionCall* c) { c->soft_cap = bad; }, "soft_cap");
    refuses([&](AttentionCall* c) { c->y_scale = bad; }, "y_scale");
    refuses([&](AttentionCall* c) { c->key_affine.scale = bad; }, "key_scale");
  }
  refuses([&](AttentionCall* c) { c->soft_cap = -1; }, "soft_cap");
  refuses([&](AttentionCall* c) { c->masked_value = nan; }, "masked_value");
  refuses([&](AttentionCall* c) { c->y_scale = 1e-45f; }, "y_scale");
  refuses([&](AttentionCall* c) { c->value_affine.scale = 0; }, "value_scale");
  refuses([&](AttentionCall* c) { c->query_affine.zero_point = 256; }, "query_zero_point");
  refuses([&](AttentionCall* c) { c->y_zero_point = -1; }, "y_zero_point");
}

}  // namespace
}  // namespace tfsparse
