#include "custom_ops/matmul/path.h"

#include <string>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr CpuFeatures kOld = {};
constexpr CpuFeatures kSkylake = {true, false};
constexpr CpuFeatures kZen5 = {true, true};

TEST(ChoosePath, TakesTheBest) {
  Path path;
  ASSERT_TRUE(ChoosePath(kZen5, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kAvx512Vnni);
  ASSERT_TRUE(ChoosePath(kSkylake, "", &path).ok());
  EXPECT_EQ(path, Path::kAvx512);
  ASSERT_TRUE(ChoosePath(kOld, nullptr, &path).ok());
  EXPECT_EQ(path, Path::kPortable);
}

TEST(ChoosePath, TakesTheOneThatIsForced) {
  Path path;
  for (Path wanted : SupportedPaths(kZen5)) {
    ASSERT_TRUE(ChoosePath(kZen5, PathName(wanted), &path).ok());
    EXPECT_EQ(path, wanted);
  }
}

TEST(ChoosePath, RefusesWhatIsNoPathOrNotSupported) {
  Path path;
  Status status = ChoosePath(kZen5, "avx3", &path);
  EXPECT_EQ(status.message(),
            "`TFSPARSE_PATH` should be one of the paths of this processor: 'portable', "
            "'avx512', 'avx512vnni'. Received: TFSPARSE_PATH='avx3'");
  EXPECT_FALSE(ChoosePath(kSkylake, "avx512vnni", &path).ok());
  EXPECT_FALSE(ChoosePath(kOld, "avx512", &path).ok());
}

}  // namespace
}  // namespace tfsparse
