#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_AVX512_H_

#include "custom_ops/kernels/scale_shift_args.h"

namespace tfsparse {

// See scale_shift.h; needs AVX-512.
void ScaleShiftAvx512(const ScaleShiftArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_SCALE_SHIFT_AVX512_H_
