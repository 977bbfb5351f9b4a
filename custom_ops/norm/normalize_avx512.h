#ifndef TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_AVX512_H_

#include "custom_ops/norm/normalize_args.h"

namespace tfsparse {

// Needs AVX-512.
void NormalizeAvx512(const NormalizeArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_AVX512_H_
