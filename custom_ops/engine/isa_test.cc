#include "custom_ops/engine/isa.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// avx2, avx2vnni, avx512, avx512vnni, avx512vbmi, avx512bf16, amx
constexpr CpuFeatures kOld = {};
constexpr CpuFeatures kHaswell = {true, false, false, false};
constexpr CpuFeatures kAlderLake = {true, true, false, false};
constexpr CpuFeatures kSkylake = {true, false, true, false};
constexpr CpuFeatures kCascadeLake = {true, false, true, true};
constexpr CpuFeatures kIceLake = {true, false, true, true, true};
constexpr CpuFeatures kZen5 = {true, true, true, true, true, true};
constexpr CpuFeatures kSapphireRapids = {true, true, true, true, true, true, true};

TEST(ChooseIsa, TakesTheBest) {
  Isa isa;
  ASSERT_TRUE(ChooseIsa(kSapphireRapids, nullptr, &isa).ok());
  EXPECT_EQ(isa, Isa::kAmx);
  ASSERT_TRUE(ChooseIsa(kZen5, nullptr, &isa).ok());
  EXPECT_EQ(isa, Isa::kAvx512Bf16);
  ASSERT_TRUE(ChooseIsa(kIceLake, nullptr, &isa).ok());
  EXPECT_EQ(isa, Isa::kAvx512Vbmi);
  ASSERT_TRUE(ChooseIsa(kCascadeLake, nullptr, &isa).ok());
  EXPECT_EQ(isa, Isa::kAvx512Vnni);
  ASSERT_TRUE(ChooseIsa(kSkylake, "", &isa).ok());
  EXPECT_EQ(isa, Isa::kAvx512);
  ASSERT_TRUE(ChooseIsa(kAlderLake, nullptr, &isa).ok());
  EXPECT_EQ(isa, Isa::kAvx2Vnni);
  ASSERT_TRUE(ChooseIsa(kHaswell, nullptr, &isa).ok());
  EXPECT_EQ(isa, Isa::kAvx2);
  ASSERT_TRUE(ChooseIsa(kOld, nullptr, &isa).ok());
  EXPECT_EQ(isa, Isa::kPortable);
}

TEST(ChooseIsa, TakesTheOneThatIsForced) {
  Isa isa;
  for (Isa wanted : SupportedIsas(kSapphireRapids)) {
    ASSERT_TRUE(ChooseIsa(kSapphireRapids, IsaName(wanted), &isa).ok());
    EXPECT_EQ(isa, wanted);
  }
}

TEST(ChooseIsa, RefusesWhatIsNoIsaOrNotSupported) {
  Isa isa;
  Status status = ChooseIsa(kZen5, "avx3", &isa);
  EXPECT_EQ(status.message(),
            "`TFSPARSE_ISA` should be one of the ISAs of this processor: 'portable', "
            "'avx2', 'avx2vnni', 'avx512', 'avx512vnni', "
            "'avx512vbmi', 'avx512bf16'. Received: TFSPARSE_ISA='avx3'");
  EXPECT_FALSE(ChooseIsa(kZen5, "amx", &isa).ok());
  EXPECT_FALSE(ChooseIsa(kSkylake, "avx512vnni", &isa).ok());
  EXPECT_FALSE(ChooseIsa(kSkylake, "avx2vnni", &isa).ok());
  EXPECT_FALSE(ChooseIsa(kOld, "avx512", &isa).ok());
}

TEST(FastestForBf16, LeavesOutWhatIsSlowUnlessItIsForced) {
  CpuFeatures slow = kZen5;
  slow.slow_bf16 = true;
  for (Isa isa : {Isa::kAvx512Bf16, Isa::kAmx}) {
    EXPECT_EQ(FastestForBf16(slow, nullptr, isa), Isa::kAvx512Vbmi);
    EXPECT_EQ(FastestForBf16(slow, "", isa), Isa::kAvx512Vbmi);
    EXPECT_EQ(FastestForBf16(slow, IsaName(isa), isa), isa);
    EXPECT_EQ(FastestForBf16(kZen5, nullptr, isa), isa);
  }
  EXPECT_EQ(FastestForBf16(slow, nullptr, Isa::kAvx512), Isa::kAvx512);
}

// Every processor that has `ISA` has what it includes, whatever else it has.
TEST(Includes, IsWhatEveryProcessorOfTheIsaCanTake) {
  for (const CpuFeatures& cpu : {kOld, kHaswell, kAlderLake, kSkylake, kIceLake, kZen5}) {
    const std::vector<Isa> supported = SupportedIsas(cpu);
    for (Isa isa : supported) {
      EXPECT_TRUE(Includes(isa, isa));
      for (Isa other : SupportedIsas(kZen5)) {
        if (!Includes(isa, other)) continue;
        EXPECT_NE(std::find(supported.begin(), supported.end(), other), supported.end())
            << IsaName(isa) << ", " << IsaName(other);
      }
    }
  }
  EXPECT_TRUE(Includes(Isa::kAvx512Vnni, Isa::kAvx2));
  EXPECT_FALSE(Includes(Isa::kAvx512Vnni, Isa::kAvx2Vnni));
  EXPECT_FALSE(Includes(Isa::kAvx2, Isa::kAvx512));
}

}  // namespace
}  // namespace tfsparse
