// A second convolution like the first allocates nothing. All of this program's allocations are
// counted, so the test is a program of its own.

#include <memory>
#include <vector>

#include "custom_ops/base/counted_allocations.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/conv/conv.h"
#include "custom_ops/conv/conv_problem.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// By copies, by pointers to taps and to rows of taps, as a product, in groups that are shared out
// and in few, and by few pixels.
const ConvShape kShapes[] = {
    {"Copies", 1, {15, 7, 2, 1, 3, 2}, {17, 7, 2, 1, 2, 3}, 3, 16, 1, 2, 1},
    {"Taps", 2, {7, 3, 1, 1, 1, 1}, {7, 3, 1, 1, 1, 1}, 64, 19, 1, 2, 1},
    {"RowsOfTaps", 1, {9, 3, 2, 1, 0, 1}, {8, 3, 2, 1, 1, 0}, 16, 33, 1, 4, 4},
    {"Pointwise", 3, {5, 1, 1, 1, 0, 0}, {5, 1, 1, 1, 0, 0}, 20, 17, 1, 16, 4},
    {"Groups", 1, {6, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}, 32, 32, 2, 4, 1},
    {"ManyGroups", 1, {6, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}, 64, 64, 16, 4, 1},
    {"FewPixels", 1, {4, 3, 1, 1, 0, 0}, {4, 3, 2, 1, 1, 0}, 10, 24, 1, 4, 2},
};

template <typename T>
void CheckAll() {
  Isa isa;
  ASSERT_TRUE(ChooseIsa(&isa).ok());
  for (const ConvShape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    ConvProblem<T> p(shape);
    std::vector<float> y(p.y_size());
    p.call.call.y.data = y.data();
    std::unique_ptr<const Conv<T>> conv;
    ASSERT_TRUE(Conv<T>::Create(p.matrix.view(), isa, &conv, Threads(), p.filter_groups()).ok());
    for (int count : {1, 3}) {
      const Threads threads = InTurns(count);
      ASSERT_TRUE(conv->Run(p.call, threads).ok());
      const int before = allocations;
      const bool ok = conv->Run(p.call, threads).ok();
      EXPECT_EQ(allocations - before, 0) << count << " threads";
      EXPECT_TRUE(ok);
    }
  }
}

TEST(ConvAllocation, NoneInASecondFloatCall) { CheckAll<float>(); }
TEST(ConvAllocation, NoneInASecondBf16Call) { CheckAll<BFloat16>(); }
TEST(ConvAllocation, NoneInASecondInt8Call) { CheckAll<int8_t>(); }

}  // namespace
}  // namespace tfsparse
