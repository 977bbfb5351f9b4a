#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512VNNI_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512VNNI_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernels for panels of `NR` outputs and tiles of `vectors` vectors, or
// null where there is none; uint8 x, int8 weights. Need AVX-512 F, BW and VNNI.

// Blocks whose width is a multiple of four: a group is four neighbouring
// inputs, and the tile has TileLayout::kInterleave4.
MultiplyFunction MultiplyInterleave4Avx512Vnni(int nr, int vectors);

// Any other width: a group is any four inputs, and the tile has
// TileLayout::kInterleave1. Four vectors only.
MultiplyFunction MultiplyGatheredAvx512Vnni(int nr, int vectors);

// Panels of `NR` outputs by 1 to kMaxGemvRows rows; null for an NR there is none for.
GemvFunction GemvU8S8Avx512Vnni(int nr, int rows);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512VNNI_H_
