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
  EXPECT_EQ(Selected<int8_t>(Path::kAmx, 16, 4), "int8_amx_merged_16x3");
  EXPECT_EQ(Selected<int8_t>(Path::kAmx, 4, 1), "int8_amx_merged_16x3");
  EXPECT_EQ(Selected<float>(Path::kAmx, 16, 4), "float_avx512_planes_8x3");
  EXPECT_EQ(Selected<float>(Path::kAvx512Vnni, 16, 4), "float_avx512_planes_8x3");
  EXPECT_EQ(Selected<float>(Path::kAvx512, 4, 1), "float_avx512_planes_4x4");
  EXPECT_EQ(Selected<float>(Path::kAvx512, 1, 1), "float_avx512_planes_1x8");
  EXPECT_EQ(Selected<float>(Path::kAvx2Vnni, 4, 1), "float_avx2_planes_4x1");
  EXPECT_EQ(Selected<BFloat16>(Path::kAmx, 16, 4), "bf16_avx512bf16_pairs_8x3");
  EXPECT_EQ(Selected<BFloat16>(Path::kAvx512Bf16, 4, 2), "bf16_avx512bf16_pairs_4x4");
  EXPECT_EQ(Selected<BFloat16>(Path::kAvx512Bf16, 4, 1), "bf16_avx512bf16_wide_4x4");
  EXPECT_EQ(Selected<BFloat16>(Path::kAvx512Bf16, 8, 1), "bf16_avx512bf16_wide_8x2");
  EXPECT_EQ(Selected<BFloat16>(Path::kAvx512Bf16, 12, 3), "bf16_avx512bf16_wide_6x4");
  EXPECT_EQ(Selected<BFloat16>(Path::kAvx512Vbmi, 16, 4), "bf16_avx512_planes_8x3");
}

TEST(SelectKernel, TakesTheLayoutThatTheBlockAllows) {
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512, 16, 4), "int8_avx512_pairs_8x3");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512, 4, 2), "int8_avx512_pairs_4x4");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx512, 4, 1), "int8_avx512_wide_4x4");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx2, 4, 6), "int8_avx2_pairs_4x1");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx2, 4, 3), "int8_avx2_wide_4x1");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx2Vnni, 4, 4), "int8_avx2vnni_quads_4x1");
  EXPECT_EQ(Selected<int8_t>(Path::kAvx2Vnni, 4, 2), "int8_avx2vnni_planes_4x2");
}

constexpr Path kPaths[] = {Path::kPortable, Path::kAvx2,       Path::kAvx2Vnni,
                           Path::kAvx512,   Path::kAvx512Vnni, Path::kAvx512Bf16};

template <typename T>
void CheckSelection() {
  for (Path path : kPaths) {
    for (int64_t block_out = 1; block_out <= 64; ++block_out) {
      for (int64_t block_in : {1, 2, 3, 4, 6, 64}) {
        const Kernel<T>& kernel = SelectKernel<T>(path, block_out, block_in);
        SCOPED_TRACE(kernel.name);
        EXPECT_TRUE(Includes(path, kernel.path)) << PathName(path);
        EXPECT_TRUE(Accepts(kernel, block_in)) << block_in;
      }
    }
  }
}

TEST(SelectKernel, NeverLeavesThePathFloat) { CheckSelection<float>(); }
TEST(SelectKernel, NeverLeavesThePathBf16) { CheckSelection<BFloat16>(); }
TEST(SelectKernel, NeverLeavesThePathInt8) { CheckSelection<int8_t>(); }

// Portable code would be many times slower than the dense product.
TEST(SelectKernel, NeverFallsBackToPortableCode) {
  for (Path path : kPaths) {
    if (path == Path::kPortable) continue;
    EXPECT_NE(SelectKernel<float>(path, 1, 1).path, Path::kPortable) << PathName(path);
    EXPECT_NE(SelectKernel<BFloat16>(path, 1, 1).path, Path::kPortable) << PathName(path);
    EXPECT_NE(SelectKernel<int8_t>(path, 1, 1).path, Path::kPortable) << PathName(path);
  }
}

// The order of the rows in a tile is the path's own: the steps must be of the kernel's
// path or of one below that has no order of its own.
TEST(SelectSteps, AreThoseOfTheKernelsPath) {
  for (const Kernel<int8_t>& kernel : Kernels<int8_t>()) {
    SCOPED_TRACE(kernel.name);
    const Steps steps = SelectSteps(kernel);
    EXPECT_NE(steps.pack_u8, nullptr);
    for (const Kernel<int8_t>& other : Kernels<int8_t>()) {
      const bool avx512 = Includes(kernel.path, Path::kAvx512);
      const bool avx2 = Includes(kernel.path, Path::kAvx2);
      const bool same = avx512 == Includes(other.path, Path::kAvx512) &&
                        avx2 == Includes(other.path, Path::kAvx2);
      EXPECT_EQ(steps.output_u8 == SelectSteps(other).output_u8, same) << other.name;
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
      const TileVectors claims = kernel.vectors();
      const bool claimed =
          (vectors % claims.least == 0 && vectors <= claims.most) || (vectors == 1 && claims.one);
      EXPECT_EQ(kernel.multiply(kernel.height, vectors) != nullptr, claimed) << vectors;
    }
  }
}

TEST(Kernels, HaveTheFunctionsTheyClaimFloat) { CheckRows<float>(); }
TEST(Kernels, HaveTheFunctionsTheyClaimBf16) { CheckRows<BFloat16>(); }
TEST(Kernels, HaveTheFunctionsTheyClaimInt8) { CheckRows<int8_t>(); }

}  // namespace
}  // namespace tfsparse
