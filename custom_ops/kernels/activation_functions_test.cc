// The errors that the essay in activation_functions.h states, against float64, on a dense sweep
// of the floats; and what the ends of the range give.

#include "custom_ops/kernels/activation_functions.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "custom_ops/kernels/lanes_scalar.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float Value(Activation activation, float x) {
  float y = kNan;
  WithActivation(activation, [&](auto a) { y = Activate<LanesScalar, a.value>(x); });
  return y;
}

struct Case {
  const char* name;
  Activation activation;
  double absolute;     // bound on the error: this,
  double of_x;         //   plus this times |x|,
  double of_y;         //   plus this times |y|
  float at_minus_inf;  // limits
  float at_inf;
};

const Case kCases[] = {
    {"linear", Activation::kLinear, 0, 0, 0, -kInf, kInf},
    {"relu", Activation::kRelu, 0, 0, 0, 0, kInf},
    {"relu6", Activation::kRelu6, 0, 0, 0, 0, 6},
    {"gelu", Activation::kGelu, 0, 2e-7, 0, 0, kInf},
    {"gelu_tanh", Activation::kGeluTanh, 0, 2e-7, 0, 0, kInf},
    {"sigmoid", Activation::kSigmoid, 1.2e-7, 0, 0, 0, 1},
    {"tanh", Activation::kTanh, 0, 0, 3e-7, -1, 1},
    {"silu", Activation::kSilu, 0, 2e-7, 0, 0, kInf},
};

class ActivationFunction : public testing::TestWithParam<Case> {};

// Every 1009th float of both signs, subnormal ones too: eight thousand between a power of two and
// the next.
TEST_P(ActivationFunction, KeepsTheErrorThatIsStated) {
  const Case& c = GetParam();
  double worst = 0, worst_x = 0;
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += 1009) {
    for (uint32_t sign : {0u, 0x80000000u}) {
      const uint32_t pattern = bits | sign;
      float x;
      std::memcpy(&x, &pattern, sizeof(x));
      const double y = ReferenceActivation(double{x}, c.activation);
      const double bound = c.absolute + c.of_x * std::abs(double{x}) + c.of_y * std::abs(y);
      const double error = std::abs(Value(c.activation, x) - y);
      const double excess = error == 0 ? 0 : error / (bound + 1e-44);
      if (!(excess <= worst)) {
        worst = excess;
        worst_x = x;
      }
    }
  }
  EXPECT_LE(worst, 1) << "times the bound, at " << worst_x;
  RecordProperty("worst_of_bound", std::to_string(worst));
}

TEST_P(ActivationFunction, GivesLimitsAndKeepsNan) {
  const Case& c = GetParam();
  EXPECT_EQ(Value(c.activation, -kInf), c.at_minus_inf);
  EXPECT_EQ(Value(c.activation, kInf), c.at_inf);
  EXPECT_TRUE(std::isnan(Value(c.activation, kNan)));
  EXPECT_TRUE(std::isnan(Value(c.activation, -kNan)));
}

// The smallest float that is not subnormal does not vanish in the middle of a formula.
TEST_P(ActivationFunction, IsRightAtZero) {
  const Case& c = GetParam();
  for (float x : {0.0f, -0.0f, 1e-37f, -1e-37f}) {
    const double y = ReferenceActivation(double{x}, c.activation);
    EXPECT_NEAR(Value(c.activation, x), y, 1.2e-7 * std::abs(y)) << x;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ActivationFunction, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

}  // namespace
}  // namespace tfsparse
