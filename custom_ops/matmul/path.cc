#include "custom_ops/matmul/path.h"

#include <cstdlib>
#include <cstring>
#include <string>

namespace tfsparse {

namespace {

struct Row {
  Path path;
  const char* name;
  bool CpuFeatures::* needs;  // null: nothing
};

// One row per path, in their order.
constexpr Row kRows[] = {
    {Path::kPortable, "portable", nullptr},
    {Path::kAvx2, "avx2", &CpuFeatures::avx2},
    {Path::kAvx2Vnni, "avx2vnni", &CpuFeatures::avx2vnni},
    {Path::kAvx512, "avx512", &CpuFeatures::avx512},
    {Path::kAvx512Vnni, "avx512vnni", &CpuFeatures::avx512vnni},
    {Path::kAvx512Vbmi, "avx512vbmi", &CpuFeatures::avx512vbmi},
    {Path::kAvx512Bf16, "avx512bf16", &CpuFeatures::avx512bf16},
    {Path::kAmx, "amx", &CpuFeatures::amx},
};

}  // namespace

const char* PathName(Path path) { return kRows[static_cast<int>(path)].name; }

bool Includes(Path path, Path other) {
  return other == path || (other < path && other != Path::kAvx2Vnni);
}

std::vector<Path> SupportedPaths(const CpuFeatures& features) {
  std::vector<Path> paths;
  for (const Row& row : kRows) {
    if (row.needs == nullptr || features.*row.needs) paths.push_back(row.path);
  }
  return paths;
}

Status ChoosePath(const CpuFeatures& features, const char* forced, Path* path) {
  const std::vector<Path> supported = SupportedPaths(features);
  if (forced == nullptr || *forced == '\0') {
    *path = supported.back();
    return {};
  }
  std::string names;
  for (Path candidate : supported) {
    if (std::strcmp(forced, PathName(candidate)) == 0) {
      *path = candidate;
      return {};
    }
    names += std::string(names.empty() ? "'" : ", '") + PathName(candidate) + "'";
  }
  return Status::Invalid("`TFSPARSE_PATH` should be one of the paths of this processor: ", names,
                         ". Received: TFSPARSE_PATH='", forced, "'");
}

Status ChoosePath(Path* path) {
  return ChoosePath(GetCpuFeatures(), std::getenv("TFSPARSE_PATH"), path);
}

}  // namespace tfsparse
