#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_BF16_AVX512BF16_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_BF16_AVX512BF16_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernels for strips of `height` outputs and tiles of `vectors` vectors, or null where
// there is none; need AVX-512 BF16. Pairs of bfloat16, and planes of it.
MultiplyFunction MultiplyBf16PairsAvx512Bf16(int height, int vectors);
MultiplyFunction MultiplyBf16GatheredAvx512Bf16(int height, int vectors);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_BF16_AVX512BF16_H_
