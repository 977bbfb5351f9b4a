#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_PATH_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_PATH_H_

#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/status.h"

namespace tfsparse {

// A path is a set of instructions that kernels are written for, and names what a
// processor can do best. Lowest first.
enum class Path {
  kPortable,
  kAvx2,
  kAvx2Vnni,
  kAvx512,
  kAvx512Vnni,
  kAvx512Vbmi,
  kAvx512Bf16,
  kAmx,
};

const char* PathName(Path path);

// Whether all that `other` needs is there on `path`, so that where `path` has no kernel
// for something, `other`'s will do. Not an order: AVX-VNNI and AVX-512 are apart.
bool Includes(Path path, Path other);

// The paths this processor can take, lowest first.
std::vector<Path> SupportedPaths(const CpuFeatures& features);

// The best path, or the one called `forced` where that is not null and not
// empty. Fails on a name that is no path, or one this processor cannot take.
Status ChoosePath(const CpuFeatures& features, const char* forced, Path* path);

// ChoosePath for this processor and the environment variable TFSPARSE_PATH.
Status ChoosePath(Path* path);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_PATH_H_
