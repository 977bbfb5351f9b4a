#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_FIND_RANGE_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_FIND_RANGE_AVX2_H_

#include <cstdint>

#include "custom_ops/kernels/range.h"

namespace tfsparse {

// Of the finite values and 0; needs AVX2.
Range FindRangeAvx2(const float* x, int64_t count);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_FIND_RANGE_AVX2_H_
