#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512BF16_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512BF16_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Rows of float x into a tile of bfloat16 (format/weight_format.h: TileLayout), as the functions of
// avx512.h; need AVX-512 BF16. kInterleave1Wide wants an even number of vectors.
bool RoundInterleave2Avx512Bf16(const PackArgs& args);
bool RoundInterleave1WideAvx512Bf16(const PackArgs& args);

bool RoundRowsAvx512Bf16(const PackArgs& args);  // small M (kGemvPadding)

// The kernels for panels of `NR` outputs and tiles of `vectors` vectors, or null where
// there is none; need AVX-512 BF16. Tiles of kInterleave2, and of kInterleave1Wide.
MultiplyFunction MultiplyBf16Interleave2Avx512Bf16(int nr, int vectors);
MultiplyFunction MultiplyBf16GatheredAvx512Bf16(int nr, int vectors);

// From sums to the packed x of the next layer, as in epilogue_to_tile.h; need AVX-512 BF16. N
// blocks begin with an even output.
bool EpilogueToTileBf16Interleave2Avx512Bf16(const EpilogueArgs& args);
bool EpilogueToTileBf16Interleave1WideAvx512Bf16(const EpilogueArgs& args);

// The kernels for panels of `NR` outputs (8, 4, 2, 1) and `rows` rows (1 to kMaxGemvRows), or
// null where there is none; need AVX-512 BF16. Weights in TileLayout::kInterleave2 by rows of
// bfloat16, and in kInterleave1Wide by rows of floats rounded to it.
GemvFunction GemvBf16Interleave2Avx512Bf16(int nr, int rows);
GemvFunction GemvBf16GatheredAvx512Bf16(int nr, int rows);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512BF16_H_
