// A second call like the first allocates nothing: it is served out of buffers that threads
// keep. All of this program's allocations are counted, so the test is a program of its own.

#include <memory>

#include "custom_ops/base/counted_allocations.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/chain.h"
#include "custom_ops/engine/layer_problem.h"
#include "custom_ops/engine/sparse_layer.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// Shapes for each way to share the work out: small M, whole tiles, and outputs cut as well.
template <typename T>
void CheckAll() {
  Isa isa;
  ASSERT_TRUE(ChooseIsa(&isa).ok());
  for (int64_t rows : {1, 4, 16, 40, 300}) {
    for (int64_t block_in : {1, 4}) {
      SCOPED_TRACE(testing::Message() << rows << " rows, blocks " << block_in << " wide");
      Problem<T> p({rows, 256, 512, 4, block_in}, 0.5, 7);
      std::vector<float> y(p.y_size());
      p.call.y.data = y.data();
      std::unique_ptr<const SparseLayer<T>> matmul;
      ASSERT_TRUE(SparseLayer<T>::Create(p.matrix.view(), isa, &matmul).ok());
      for (int count : {1, 3}) {
        const Threads threads = InTurns(count);
        ASSERT_TRUE(matmul->Run(p.call, threads).ok());
        const int before = allocations;
        const bool ok = matmul->Run(p.call, threads).ok();
        EXPECT_EQ(allocations - before, 0) << count << " threads";
        EXPECT_TRUE(ok);
      }
    }
  }
}

// A chain by tiles, and layer by layer, as small M go.
template <typename T>
void CheckChain() {
  Isa isa;
  ASSERT_TRUE(ChooseIsa(&isa).ok());
  for (int64_t rows : {1, 300}) {
    Problem<T> first({rows, 64, 96, 16, 4}, 0.5, 7), second({rows, 96, 40, 16, 4}, 0.5, 8);
    std::unique_ptr<const SparseLayer<T>> a, b;
    ASSERT_TRUE(SparseLayer<T>::Create(first.matrix.view(), isa, &a).ok());
    ASSERT_TRUE(SparseLayer<T>::Create(second.matrix.view(), isa, &b).ok());
    std::vector<float> y(second.y_size());
    second.call.y.data = y.data();
    ChainLayer<T> layers[] = {{a.get(), first.call}, {b.get(), second.call}};
    const Threads threads = InTurns(3);
    ASSERT_TRUE(Chain<T>(layers, 2).Run(threads).ok());
    const int before = allocations;
    const bool ok = Chain<T>(layers, 2).Run(threads).ok();
    EXPECT_EQ(allocations - before, 0) << rows << " rows";
    EXPECT_TRUE(ok);
  }
}

TEST(Allocation, NoneInASecondChain) {
  CheckChain<float>();
  CheckChain<BFloat16>();
  CheckChain<int8_t>();
}

TEST(Allocation, NoneInASecondFloatCall) { CheckAll<float>(); }
TEST(Allocation, NoneInASecondInt8Call) { CheckAll<int8_t>(); }

TEST(Allocation, IsCounted) {
  const int before = allocations;
  const auto owned = std::make_unique<volatile int>(1);
  EXPECT_EQ(allocations - before, 1) << *owned;
}

}  // namespace
}  // namespace tfsparse
