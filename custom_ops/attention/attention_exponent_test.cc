// The errors that the essay in attention_exponent.h states, against float64.

#include "custom_ops/attention/attention_exponent.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "custom_ops/kernels/lanes_scalar.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

template <ExponentFor kFor>
void ExpectError(double constant) {
  double worst = 0, worst_x = 0;
  for (uint32_t bits = 0; bits < 0x42ae0000u; bits += 97) {  // up to 87
    float x;
    std::memcpy(&x, &bits, sizeof(x));
    x = -x;
    const double exact = std::exp(double{x});
    const double error = std::abs(Exponent<LanesScalar, kFor>(x) - exact) / exact;
    const double excess = error / (constant - 1.5e-8 * x);
    if (!(excess <= worst)) worst = excess, worst_x = x;
  }
  EXPECT_LE(worst, 1) << "times the bound, at " << worst_x;
  EXPECT_GE(worst, 0.5) << "the bound is loose";
}

TEST(AttentionExponent, KeepsTheErrorThatIsStated) {
  ExpectError<ExponentFor::kFloat32>(2.5e-7);
  ExpectError<ExponentFor::kBFloat16>(1.1e-4);
}

template <ExponentFor kFor>
void ExpectLimits() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const auto exponent = [](float x) { return Exponent<LanesScalar, kFor>(x); };
  EXPECT_EQ(exponent(0.0f), 1);
  EXPECT_EQ(exponent(-0.0f), 1);
  for (float x : {-kInf, std::numeric_limits<float>::lowest(), -1e4f, -90.0f}) {
    EXPECT_EQ(exponent(x), 0) << x;
  }
  EXPECT_TRUE(std::isnan(exponent(std::numeric_limits<float>::quiet_NaN())));
}

TEST(AttentionExponent, HasLimits) {
  ExpectLimits<ExponentFor::kFloat32>();
  ExpectLimits<ExponentFor::kBFloat16>();
}

}  // namespace
}  // namespace tfsparse
