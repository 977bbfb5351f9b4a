#ifndef TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_PORTABLE_H_
#define TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_PORTABLE_H_

#include "custom_ops/norm/normalize_args.h"

namespace tfsparse {

// On any processor.
void NormalizePortable(const NormalizeArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_PORTABLE_H_
