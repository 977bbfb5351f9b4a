#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BF16_AVX512BF16_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BF16_AVX512BF16_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Rows of float x into a tile of bfloat16 (kernel_args.h: Layout), as the functions of
// pack_avx512.h; need AVX-512 BF16. Wide planes want an even number of vectors.
bool RoundPairsAvx512Bf16(const PackArgs& args);
bool RoundWidePlanesAvx512Bf16(const PackArgs& args);

bool RoundRowsAvx512Bf16(const PackArgs& args);  // few rows (kFewRowsPadding)

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BF16_AVX512BF16_H_
