#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_F32_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_F32_AVX2_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernel for strips of `height` outputs and tiles of `vectors` vectors, or
// null where there is none. Planes of float; needs AVX2 and FMA.
MultiplyFunction MultiplyF32Avx2(int height, int vectors);

// The same with bfloat16 weights, packed as floats (Layout::kPlanes).
MultiplyFunction MultiplyBf16PlanesAvx2(int height, int vectors);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_F32_AVX2_H_
