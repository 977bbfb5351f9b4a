#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX2_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernels for strips of `height` outputs and tiles of `vectors` vectors, or
// null where there is none; need AVX2.
MultiplyFunction MultiplyPairsAvx2(int height, int vectors);     // pairs
MultiplyFunction MultiplyGatheredAvx2(int height, int vectors);  // planes of 16 bits

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX2_H_
