#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_F32_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_F32_AVX512_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernel for strips of `height` outputs and tiles of `vectors` vectors, or
// null where there is none. Planes of float; needs AVX-512 F.
MultiplyFunction MultiplyF32Avx512(int height, int vectors);

// The same with bfloat16 weights, packed as floats (Layout::kPlanes).
MultiplyFunction MultiplyBf16PlanesAvx512(int height, int vectors);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_F32_AVX512_H_
