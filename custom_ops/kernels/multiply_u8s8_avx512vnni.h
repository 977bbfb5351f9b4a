#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX512VNNI_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX512VNNI_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernels for strips of `height` outputs and tiles of `vectors` vectors, or
// null where there is none; uint8 x, int8 weights. Need AVX-512 F, BW and VNNI.

// Blocks whose width is a multiple of four: a group is four neighbouring
// inputs, and the tile has Layout::kQuads.
MultiplyFunction MultiplyQuadsAvx512Vnni(int height, int vectors);

// Any other width: a group is any four inputs, and the tile has
// Layout::kPlanes. Four vectors only.
MultiplyFunction MultiplyGatheredAvx512Vnni(int height, int vectors);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_MULTIPLY_U8S8_AVX512VNNI_H_
