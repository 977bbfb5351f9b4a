// Normalization of rows of every size on every instruction set: beside float64, and bit for bit
// beside the portable one.

#include "custom_ops/norm/normalization.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/round_robin.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr int64_t kSizes[] = {1, 2, 7, 8, 15, 16, 17, 63, 64, 65, 100, 128, 200, 256, 768, 1023};

struct Options {
  const char* name;
  bool centers, residual, gamma, beta;
  float mean;
};

const Options kOptions[] = {
    {"layer", true, false, true, true, 0},         {"layer_residual", true, true, true, true, 0},
    {"layer_gamma", true, true, true, false, 0},   {"layer_beta", true, false, false, true, 0},
    {"layer_plain", true, false, false, false, 0}, {"layer_far", true, false, true, true, 300},
    {"rms", false, true, true, false, 0},          {"rms_beta", false, false, true, true, 1},
};

std::vector<uint32_t> Bits(const std::vector<float>& floats) {
  std::vector<uint32_t> bits;
  for (float value : floats) std::memcpy(&bits.emplace_back(), &value, sizeof(value));
  return bits;
}

class Problem {
 public:
  Problem(int64_t rows, int64_t size, const Options& options, unsigned seed) : options_(options) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < rows * size; ++i) {
      x.push_back(options.mean + normal(random));
      residual.push_back(normal(random));
    }
    for (int64_t i = 0; i < size; ++i) {
      gamma.push_back(normal(random));
      beta.push_back(normal(random));
    }
    y = std::vector<float>(x.size(), 77);
    sum = y;
    bytes = std::vector<uint8_t>(x.size(), 77);
    call.rows = rows, call.size = size;
    call.centers = options.centers;
    call.x = x.data();
    call.residual = options.residual ? residual.data() : nullptr;
    call.gamma = options.gamma ? gamma.data() : nullptr;
    call.beta = options.beta ? beta.data() : nullptr;
    call.y_scale = 0.021f;
    call.y_zero_point = 119;
    call.y = y.data();
    call.y_u8 = bytes.data();
    call.sum = sum.data();
  }
  Problem(const Problem&) = delete;

  // Beside float64. Let s be the most that a sum of 64 parts is rounded, relative to its terms. The
  // mean is off by m <= s * max|u|; the variance about it by m^2, the cross terms being 0, and
  // 2 s of itself; the root halves both. Each other step is rounded once.
  void Check() const {
    const int64_t size = call.size;
    for (int64_t row = 0; row < call.rows; ++row) {
      std::vector<double> u;
      for (int64_t i = row * size; i < (row + 1) * size; ++i) {
        const float value = options_.residual ? x[i] + residual[i] : x[i];
        ASSERT_EQ(sum[i], value);
        u.push_back(double{value});
      }
      double mean = 0, squares = 0, greatest = 0;
      for (double v : u)
        mean += v / static_cast<double>(size), greatest = std::max(greatest, std::abs(v));
      if (!options_.centers) mean = 0;
      for (double v : u) squares += (v - mean) * (v - mean) / static_cast<double>(size);
      const double inverse = 1 / std::sqrt(squares + double{call.epsilon});
      constexpr double kUnit = 0x1p-24;
      const double of_sums = (static_cast<double>(size) / 64 + 8) * kUnit;
      const double of_mean = options_.centers ? of_sums * greatest : 0;
      const double of_variance = 2 * of_sums + of_mean * inverse * of_mean * inverse + 6 * kUnit;
      for (int64_t i = 0; i < size; ++i) {
        const double gain = inverse * (options_.gamma ? double{gamma[i]} : 1);
        const double shift = options_.beta ? double{beta[i]} : 0;
        const double exact = (u[i] - mean) * gain + shift;
        const double of_term = of_mean + std::abs(u[i] - mean) * (of_variance + 4 * kUnit);
        const double bound =
            std::abs(gain) * of_term + 2 * kUnit * (std::abs(exact) + std::abs(shift));
        ASSERT_NEAR(y[row * size + i], exact, bound)
            << options_.name << " of " << size << ": " << row << "," << i;
      }
    }
  }

  NormalizationCall call;
  std::vector<float> x, residual, gamma, beta, y, sum;
  std::vector<uint8_t> bytes;

 private:
  const Options options_;
};

class Normalization : public testing::TestWithParam<Isa> {};

TEST_P(Normalization, MatchesTheReference) {
  unsigned seed = 1;
  for (int64_t size : kSizes) {
    for (const Options& options : kOptions) {
      Problem problem(3, size, options, seed++), portable(3, size, options, seed - 1);
      ASSERT_TRUE(ValidateNormalization(problem.call).ok());
      Normalize(problem.call, GetParam(), Threads());
      problem.Check();
      Normalize(portable.call, Isa::kPortable, Threads());
      EXPECT_EQ(Bits(problem.y), Bits(portable.y)) << options.name << " of " << size;
      EXPECT_EQ(problem.bytes, portable.bytes) << options.name << " of " << size;
    }
  }
}

TEST_P(Normalization, WritesBytes) {
  Problem problem(5, 70, kOptions[0], 1);
  Normalize(problem.call, GetParam(), Threads());
  const float inverse = 1 / problem.call.y_scale;
  for (size_t i = 0; i < problem.y.size(); ++i) {
    const float q = std::nearbyint(problem.y[i] * inverse) + 119;
    EXPECT_EQ(problem.bytes[i], std::min(255.0f, std::max(0.0f, q)));
  }
}

// Each output alone is what it is beside the others, also on several threads.
TEST_P(Normalization, GivesWhatIsWanted) {
  for (const Options& options : kOptions) {
    Problem all(40, 300, options, 1), one(40, 300, options, 1);
    Normalize(all.call, GetParam(), Threads());
    for (int wanted = 0; wanted < 3; ++wanted) {
      NormalizationCall call = one.call;
      if (wanted != 0) call.y = nullptr;
      if (wanted != 1) call.y_u8 = nullptr;
      if (wanted != 2) call.sum = nullptr;
      if (wanted == 2) call.y_u8 = one.bytes.data();
      Normalize(call, GetParam(), RoundRobin(3));
    }
    EXPECT_EQ(Bits(all.y), Bits(one.y)) << options.name;
    EXPECT_EQ(all.bytes, one.bytes) << options.name;
    EXPECT_EQ(Bits(all.sum), Bits(one.sum)) << options.name;
  }
}

TEST_P(Normalization, KeepsNonFiniteValuesInTheirRow) {
  for (float bad : {kNan, kInf, -kInf}) {
    Problem problem(3, 37, kOptions[0], 1);
    problem.x[37 + 36] = bad;
    Normalize(problem.call, GetParam(), Threads());
    for (size_t i = 0; i < problem.y.size(); ++i) {
      EXPECT_EQ(std::isnan(problem.y[i]), i / 37 == 1);
      if (i / 37 == 1) {
        EXPECT_EQ(problem.bytes[i], 0);
      }
    }
  }
}

TEST_P(Normalization, OfNothing) {
  for (int64_t size : {0, 5}) {
    Problem problem(0, size, kOptions[0], 1);
    Normalize(problem.call, GetParam(), Threads());
  }
  NormalizationCall call;
  call.rows = 7;
  Normalize(call, GetParam(), Threads());
}

INSTANTIATE_TEST_SUITE_P(Paths, Normalization, testing::ValuesIn(SupportedIsas(GetCpuFeatures())),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

TEST(NormalizationCall, IsValidated) {
  const auto refuses = [&](auto change, const char* word) {
    NormalizationCall call;
    change(&call);
    EXPECT_NE(ValidateNormalization(call).message().find(word), std::string::npos) << word;
  };
  for (float bad : {kNan, kInf, -1.0f}) {
    refuses([&](NormalizationCall* c) { c->epsilon = bad; }, "epsilon");
    refuses([&](NormalizationCall* c) { c->y_scale = bad; }, "y_scale");
  }
  refuses([&](NormalizationCall* c) { c->y_scale = 1e-45f; }, "y_scale");
  refuses([&](NormalizationCall* c) { c->y_zero_point = 256; }, "y_zero_point");
  refuses([&](NormalizationCall* c) { c->y_zero_point = -1; }, "y_zero_point");
}

}  // namespace
}  // namespace tfsparse
