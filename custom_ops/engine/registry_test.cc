#include "custom_ops/engine/registry.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

template <typename T>
std::string Selected(Isa isa, int64_t block_out, int64_t block_in) {
  return SelectKernel<T>(isa, block_out, block_in).name;
}

TEST(SelectKernel, TakesTheHeightThatWastesLeast) {
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512Vnni, 16, 4), "int8_avx512vnni_48x8c4");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512Vnni, 4, 4), "int8_avx512vnni_64x4c4");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512Vnni, 4, 1), "int8_avx512vnni_64x4g4");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512Vnni, 6, 1), "int8_avx512vnni_64x6g4");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512Vnni, 2, 6), "int8_avx512vnni_64x2g4");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512Vnni, 1, 1), "int8_avx512vnni_64x1g4");
  EXPECT_EQ(Selected<int8_t>(Isa::kAmx, 16, 4), "int8_amx_48x16t");
  EXPECT_EQ(Selected<int8_t>(Isa::kAmx, 4, 1), "int8_amx_48x16t");
  EXPECT_EQ(Selected<float>(Isa::kAmx, 16, 4), "float_avx512_48x8c1");
  EXPECT_EQ(Selected<float>(Isa::kAvx512Vnni, 16, 4), "float_avx512_48x8c1");
  EXPECT_EQ(Selected<float>(Isa::kAvx512, 4, 1), "float_avx512_64x4c1");
  EXPECT_EQ(Selected<float>(Isa::kAvx512, 1, 1), "float_avx512_128x1c1");
  EXPECT_EQ(Selected<float>(Isa::kAvx2Vnni, 4, 1), "float_avx2_16x4c1");
  EXPECT_EQ(Selected<BFloat16>(Isa::kAmx, 16, 4), "bf16_avx512bf16_48x8c2");
  EXPECT_EQ(Selected<BFloat16>(Isa::kAvx512Bf16, 4, 2), "bf16_avx512bf16_64x4c2");
  EXPECT_EQ(Selected<BFloat16>(Isa::kAvx512Bf16, 4, 1), "bf16_avx512bf16_64x4g2");
  EXPECT_EQ(Selected<BFloat16>(Isa::kAvx512Bf16, 8, 1), "bf16_avx512bf16_32x8g2");
  EXPECT_EQ(Selected<BFloat16>(Isa::kAvx512Bf16, 12, 3), "bf16_avx512bf16_64x6g2");
  EXPECT_EQ(Selected<BFloat16>(Isa::kAvx512Vbmi, 16, 4), "bf16_avx512_48x8c1");
}

TEST(SelectKernel, TakesTheLayoutThatTheBlockAllows) {
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512, 16, 4), "int8_avx512_48x8c2");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512, 4, 2), "int8_avx512_64x4c2");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx512, 4, 1), "int8_avx512_64x4g2");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx2, 4, 6), "int8_avx2_16x4c2");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx2, 4, 3), "int8_avx2_16x4g2");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx2Vnni, 4, 4), "int8_avx2vnni_16x4c4");
  EXPECT_EQ(Selected<int8_t>(Isa::kAvx2Vnni, 4, 2), "int8_avx2vnni_32x4g4");
}

constexpr Isa kIsas[] = {Isa::kPortable, Isa::kAvx2,       Isa::kAvx2Vnni,
                         Isa::kAvx512,   Isa::kAvx512Vnni, Isa::kAvx512Bf16};

template <typename T>
void CheckSelection() {
  for (Isa isa : kIsas) {
    for (int64_t block_out = 1; block_out <= 64; ++block_out) {
      for (int64_t block_in : {1, 2, 3, 4, 6, 64}) {
        const Kernel<T>& kernel = SelectKernel<T>(isa, block_out, block_in);
        SCOPED_TRACE(kernel.name);
        EXPECT_TRUE(Includes(isa, kernel.isa)) << IsaName(isa);
        EXPECT_TRUE(Accepts<T>(kernel.format, block_in)) << block_in;
      }
    }
  }
}

TEST(SelectKernel, NeverLeavesTheIsaFloat) { CheckSelection<float>(); }
TEST(SelectKernel, NeverLeavesTheIsaBf16) { CheckSelection<BFloat16>(); }
TEST(SelectKernel, NeverLeavesTheIsaInt8) { CheckSelection<int8_t>(); }

// Portable code would be many times slower than the dense product.
TEST(SelectKernel, NeverFallsBackToPortableCode) {
  for (Isa isa : kIsas) {
    if (isa == Isa::kPortable) continue;
    EXPECT_NE(SelectKernel<float>(isa, 1, 1).isa, Isa::kPortable) << IsaName(isa);
    EXPECT_NE(SelectKernel<BFloat16>(isa, 1, 1).isa, Isa::kPortable) << IsaName(isa);
    EXPECT_NE(SelectKernel<int8_t>(isa, 1, 1).isa, Isa::kPortable) << IsaName(isa);
  }
}

// The order of the rows in a tile is the ISA's own: the functions must be of the kernel's
// ISA or of one below that has no order of its own.
TEST(SelectTileFunctions, AreThoseOfTheKernelsIsa) {
  for (const Kernel<int8_t>& kernel : Kernels<int8_t>()) {
    SCOPED_TRACE(kernel.name);
    const TileFunctions functions = SelectTileFunctions(kernel);
    EXPECT_NE(functions.pack_u8, nullptr);
    for (const Kernel<int8_t>& other : Kernels<int8_t>()) {
      const bool avx512 = Includes(kernel.isa, Isa::kAvx512);
      const bool avx2 = Includes(kernel.isa, Isa::kAvx2);
      const bool same =
          avx512 == Includes(other.isa, Isa::kAvx512) && avx2 == Includes(other.isa, Isa::kAvx2);
      EXPECT_EQ(functions.epilogue_u8 == SelectTileFunctions(other).epilogue_u8, same)
          << other.name;
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
    EXPECT_LE(kernel.format.nr, kMaxNr);
    EXPECT_LE(kernel.max_vectors, kMaxVectors);
    for (int vectors = 1; vectors <= kMaxVectors + 1; ++vectors) {
      const TileVectors claims = kernel.vectors();
      const bool claimed =
          (vectors % claims.min == 0 && vectors <= claims.max) || (vectors == 1 && claims.one);
      EXPECT_EQ(kernel.multiply(kernel.format.nr, vectors) != nullptr, claimed) << vectors;
    }
  }
}

TEST(Kernels, HaveTheFunctionsTheyClaimFloat) { CheckRows<float>(); }
TEST(Kernels, HaveTheFunctionsTheyClaimBf16) { CheckRows<BFloat16>(); }
TEST(Kernels, HaveTheFunctionsTheyClaimInt8) { CheckRows<int8_t>(); }

}  // namespace
}  // namespace tfsparse
