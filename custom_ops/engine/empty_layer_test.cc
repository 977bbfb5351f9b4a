// Products without rows or without inputs.

#include <memory>
#include <type_traits>
#include <vector>

#include "custom_ops/engine/layer_problem.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(Matmul, TakesNoRows) {
  Problem<float> none({0, 8, 8, 4, 1}, 0.5, 1);
  std::unique_ptr<const SparseLayer<float>> matmul;
  ASSERT_TRUE(SparseLayer<float>::Create(none.matrix.view(), Isa::kPortable, &matmul).ok());
  EXPECT_TRUE(none.Run(*matmul, RoundRobin(2)).empty());
}

// On every ISA, for small M and for many, where x has no memory.
template <typename T>
void CheckNoInputs() {
  for (Isa isa : SupportedIsas(GetCpuFeatures())) {
    for (int64_t block_in : {1, 2, 4}) {
      for (int64_t rows : {1, 5, 70}) {
        Problem<T> p({rows, 0, 8, 4, block_in}, 0.5, 1);
        p.call.epilogue.activation = Activation::kLinear;
        p.call.epilogue.residual.data = nullptr;
        p.call.x.data = nullptr;
        std::unique_ptr<const SparseLayer<T>> matmul;
        ASSERT_TRUE(SparseLayer<T>::Create(p.matrix.view(), isa, &matmul).ok());
        for (bool x_is_u8 : {false, true}) {
          if (x_is_u8 && !std::is_same_v<T, int8_t>) continue;
          p.call.x.is_u8 = x_is_u8;
          const std::vector<float> y = AsFloats(p.Run(*matmul, Threads()));
          for (int64_t i = 0; i < rows * 8; ++i) EXPECT_EQ(y[i], p.bias[i % 8]) << IsaName(isa);
        }
      }
    }
  }
}

TEST(Matmul, TakesNoInputs) {
  CheckNoInputs<float>();
  CheckNoInputs<BFloat16>();
  CheckNoInputs<int8_t>();
}

}  // namespace
}  // namespace tfsparse
