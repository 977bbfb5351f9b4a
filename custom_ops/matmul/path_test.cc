#include "custom_ops/matmul/path.h"

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

TEST(ChoosePath, TakesTheBest) {
  Path path;
  ASSERT_TRUE(ChoosePath(kSapphireRapids, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kAmx);
  ASSERT_TRUE(ChoosePath(kZen5, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kAvx512Bf16);
  ASSERT_TRUE(ChoosePath(kIceLake, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kAvx512Vbmi);
  ASSERT_TRUE(ChoosePath(kCascadeLake, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kAvx512Vnni);
  ASSERT_TRUE(ChoosePath(kSkylake, "", &path).ok());
  EXPECT_EQ(path, Path::kAvx512);
  ASSERT_TRUE(ChoosePath(kAlderLake, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kAvx2Vnni);
  ASSERT_TRUE(ChoosePath(kHaswell, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kAvx2);
  ASSERT_TRUE(ChoosePath(kOld, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kPortable);
}

TEST(ChoosePath, TakesTheOneThatIsForced) {
  Path path;
  for (Path wanted : SupportedPaths(kSapphireRapids)) {
    ASSERT_TRUE(ChoosePath(kSapphireRapids, PathName(wanted), &path).ok());
    EXPECT_EQ(path, wanted);
  }
}

TEST(ChoosePath, RefusesWhatIsNoPathOrNotSupported) {
  Path path;
  Status status = ChoosePath(kZen5, "avx3", &path);
  EXPECT_EQ(status.message(),
            "`TFSPARSE_PATH` should be one of the paths of this processor: 'portable', "
            "'avx2', 'avx2vnni', 'avx512', 'avx512vnni', "
            "'avx512vbmi', 'avx512bf16'. Received: TFSPARSE_PATH='avx3'");
  EXPECT_FALSE(ChoosePath(kZen5, "amx", &path).ok());
  EXPECT_FALSE(ChoosePath(kSkylake, "avx512vnni", &path).ok());
  EXPECT_FALSE(ChoosePath(kSkylake, "avx2vnni", &path).ok());
  EXPECT_FALSE(ChoosePath(kOld, "avx512", &path).ok());
}

// Every processor that has `path` has what it includes, whatever else it has.
TEST(Includes, IsWhatEveryProcessorOfThePathCanTake) {
  for (const CpuFeatures& cpu : {kOld, kHaswell, kAlderLake, kSkylake, kIceLake, kZen5}) {
    const std::vector<Path> supported = SupportedPaths(cpu);
    for (Path path : supported) {
      EXPECT_TRUE(Includes(path, path));
      for (Path other : SupportedPaths(kZen5)) {
        if (!Includes(path, other)) continue;
        EXPECT_NE(std::find(supported.begin(), supported.end(), other), supported.end())
            << PathName(path) << ", " << PathName(other);
      }
    }
  }
  EXPECT_TRUE(Includes(Path::kAvx512Vnni, Path::kAvx2));
  EXPECT_FALSE(Includes(Path::kAvx512Vnni, Path::kAvx2Vnni));
  EXPECT_FALSE(Includes(Path::kAvx2, Path::kAvx512));
}

}  // namespace
}  // namespace tfsparse
