#ifndef TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_AVX2_H_

#include "custom_ops/norm/normalize_args.h"

namespace tfsparse {

// Needs AVX2.
void NormalizeAvx2(const NormalizeArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_AVX2_H_
