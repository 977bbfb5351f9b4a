#include "custom_ops/base/cpu_features.h"

#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// The compiler's own run-time check is the oracle.
TEST(CpuFeatures, AgreesWithTheCompilersRuntime) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  EXPECT_EQ(GetCpuFeatures().avx2, avx2);
  EXPECT_EQ(GetCpuFeatures().avx2vnni, avx2 && __builtin_cpu_supports("avxvnni"));
  EXPECT_EQ(GetCpuFeatures().avx512, avx512);
  const bool avx512vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  EXPECT_EQ(GetCpuFeatures().avx512vnni, avx512vnni);
  const bool avx512vbmi = avx512vnni && __builtin_cpu_supports("avx512vbmi");
  EXPECT_EQ(GetCpuFeatures().avx512vbmi, avx512vbmi);
  EXPECT_EQ(GetCpuFeatures().avx512bf16, avx512vbmi && __builtin_cpu_supports("avx512bf16"));
#else
  EXPECT_FALSE(GetCpuFeatures().avx2);
  EXPECT_FALSE(GetCpuFeatures().avx512);
#endif
}

// Linux lists the tiles where it saves them; it may still refuse a process.
TEST(CpuFeatures, HasTilesOnlyWhereLinuxLists) {
  std::ifstream file("/proc/cpuinfo");
  std::stringstream text;
  text << file.rdbuf();
  const bool listed = text.str().find(" amx_tile ") != std::string::npos &&
                      text.str().find(" amx_int8 ") != std::string::npos;
  if (GetCpuFeatures().amx) {
    EXPECT_TRUE(listed);
    EXPECT_TRUE(GetCpuFeatures().avx512bf16);
  }
}

}  // namespace
}  // namespace tfsparse
