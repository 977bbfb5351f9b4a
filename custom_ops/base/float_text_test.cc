#include "custom_ops/base/float_text.h"

#include <limits>

#include "gtest/gtest.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace tfsparse {
namespace {

constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr float kNormal = std::numeric_limits<float>::min();

// As TensorFlow's threads are set: subnormal operands and results are zeros.
class WithoutSubnormals {
 public:
#if defined(__SSE__)
  WithoutSubnormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~WithoutSubnormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#endif
};

void ExpectTexts() {
  EXPECT_EQ(FloatText(kSmallest), "1.4013e-45");
  EXPECT_EQ(FloatText(-kSmallest), "-1.4013e-45");
  EXPECT_EQ(FloatText(kNormal), "1.17549e-38");
  EXPECT_EQ(FloatText(0.0f), "0");
  EXPECT_EQ(FloatText(-0.5f), "-0.5");
  EXPECT_EQ(FloatText(std::numeric_limits<float>::infinity()), "inf");
}

void ExpectSubnormals() {
  EXPECT_TRUE(IsSubnormal(kSmallest));
  EXPECT_TRUE(IsSubnormal(-kSmallest));
  for (float value : {0.0f, -0.0f, kNormal, -kNormal, 1.0f, std::numeric_limits<float>::infinity(),
                      std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_FALSE(IsSubnormal(value)) << value;
  }
}

TEST(FloatText, ShowsTheValue) { ExpectTexts(); }

TEST(FloatText, ShowsTheValueWhereItIsTakenForZero) {
  const WithoutSubnormals mode;
  ExpectTexts();
}

TEST(IsSubnormal, TellsThemFromAllOthers) {
  ExpectSubnormals();
  const WithoutSubnormals mode;
  ExpectSubnormals();
}

}  // namespace
}  // namespace tfsparse
