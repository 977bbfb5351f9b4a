#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX2VNNI_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX2VNNI_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernels for strips of `height` outputs and tiles of `vectors` vectors, or
// null where there is none; need AVX2 and AVX-VNNI.
MultiplyFunction MultiplyQuadsAvx2Vnni(int height, int vectors);     // quads
MultiplyFunction MultiplyGatheredAvx2Vnni(int height, int vectors);  // planes, vectors = 2

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX2VNNI_H_
