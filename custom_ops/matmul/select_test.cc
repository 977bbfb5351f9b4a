#include "custom_ops/matmul/select.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

template <typename T>
std::string Selected(Path path, int64_t block_out, int64_t block_in) {
  return SelectKernel<T>(path, block_out, block_in).name;
}

TEST(SelectKernel, TakesTheHeightThatWastesLeast) {
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512Vnni, 16, 4), "int8_avx512vnni_quads_8x3");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512Vnni, 4, 4), "int8_avx512vnni_quads_4x4");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512Vnni, 4, 1), "int8_avx512vnni_planes_4x4");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512Vnni, 6, 1), "int8_avx512vnni_planes_6x4");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512Vnni, 2, 6), "int8_avx512vnni_planes_2x4");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512Vnni, 1, 1), "int8_avx512vnni_planes_1x4");
  EXPECT_EQ(Selected<float>(Path::kAvx512Vnni, 16, 4), "float_avx512_planes_8x3");
  EXPECT_EQ(Selected<float>(Path::kAvx512, 4, 1), "float_avx512_planes_4x4");
  EXPECT_EQ(Selected<float>(Path::kAvx512, 1, 1), "float_avx512_planes_1x8");
}

TEST(SelectKernel, NeverGoesAboveThePath) {
  EXPECT_EQ(SelectKernel<int8_t>(Path::kAvx512, 16, 4).path, Path::kPortable);
  for (int64_t block_out = 1; block_out <= 64; ++block_out) {
    for (int64_t block_in : {1, 2, 3, 4, 64}) {
      EXPECT_EQ(SelectKernel<float>(Path::kPortable, block_out, block_in).path, Path::kPortable);
      EXPECT_EQ(SelectKernel<int8_t>(Path::kPortable, block_out, block_in).path, Path::kPortable);
      EXPECT_TRUE(Accepts(SelectKernel<int8_t>(Path::kAvx512Vnni, block_out, block_in), block_in));
    }
  }
}

// Every row of kernels.inc has a function for every number of vectors it claims, and
// for none beyond, and a name of its own.
template <typename T>
void CheckRows() {
  std::set<std::string> names;
  for (const Kernel<T>& kernel : Kernels<T>()) {
    SCOPED_TRACE(kernel.name);
    EXPECT_TRUE(names.insert(kernel.name).second);
    EXPECT_LE(kernel.height, kMaxHeight);
    EXPECT_LE(kernel.max_vectors, kMaxVectors);
    for (int vectors = 1; vectors <= kMaxVectors + 1; ++vectors) {
      const bool claimed = vectors >= kernel.min_vectors && vectors <= kernel.max_vectors;
      EXPECT_EQ(kernel.multiply(kernel.height, vectors) != nullptr, claimed) << vectors;
    }
  }
}

TEST(Kernels, HaveTheFunctionsTheyClaimFloat) { CheckRows<float>(); }
TEST(Kernels, HaveTheFunctionsTheyClaimInt8) { CheckRows<int8_t>(); }

}  // namespace
}  // namespace tfsparse
