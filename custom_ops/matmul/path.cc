#include "custom_ops/matmul/path.h"

#include <cstdlib>
#include <cstring>
#include <string>

namespace tfsparse {

const char* PathName(Path path) {
  switch (path) {
    case Path::kAvx512Vnni:
      return "avx512vnni";
    case Path::kAvx512:
      return "avx512";
    case Path::kPortable:
      break;
  }
  return "portable";
}

std::vector<Path> SupportedPaths(const CpuFeatures& features) {
  std::vector<Path> paths = {Path::kPortable};
  if (features.avx512) paths.push_back(Path::kAvx512);
  if (features.avx512vnni) paths.push_back(Path::kAvx512Vnni);
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
