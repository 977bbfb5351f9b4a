// Products without rows or without inputs.

#include <memory>
#include <type_traits>
#include <vector>

#include "custom_ops/matmul/matmul_problem.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(Matmul, TakesNoRows) {
  Problem<float> none({0, 8, 8, 4, 1}, 0.5, 1);
  std::unique_ptr<const Matmul<float>> matmul;
  ASSERT_TRUE(Matmul<float>::Create(none.matrix.view(), Path::kPortable, &matmul).ok());
  EXPECT_TRUE(none.Run(*matmul, RoundRobin(2)).empty());
}

// On every path, for few rows and for many, where x has no memory.
template <typename T>
void CheckNoInputs() {
  for (Path path : SupportedPaths(GetCpuFeatures())) {
    for (int64_t block_in : {1, 2, 4}) {
      for (int64_t rows : {1, 5, 70}) {
        Problem<T> p({rows, 0, 8, 4, block_in}, 0.5, 1);
        p.call.activation = Activation::kLinear;
        p.call.residual = nullptr;
        p.call.x = nullptr;
        std::unique_ptr<const Matmul<T>> matmul;
        ASSERT_TRUE(Matmul<T>::Create(p.matrix.view(), path, &matmul).ok());
        for (bool x_is_u8 : {false, true}) {
          if (x_is_u8 && !std::is_same_v<T, int8_t>) continue;
          p.call.x_is_u8 = x_is_u8;
          const std::vector<float> y = AsFloats(p.Run(*matmul, Threads()));
          for (int64_t i = 0; i < rows * 8; ++i) EXPECT_EQ(y[i], p.bias[i % 8]) << PathName(path);
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
