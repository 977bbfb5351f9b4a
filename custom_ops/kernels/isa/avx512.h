#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512_H_

#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/kernels/range/range.h"

namespace tfsparse {

// Rows of x into a tile (format/weight_format.h: TileLayout); need AVX-512 F and BW. `inputs` is
// rounded up to 64, so a tile needs room for that many. kInterleave1 of uint8 wants vectors = 4,
// kInterleave1Wide an even number.

bool PackF32Avx512(const PackArgs& args);           // float x, as it is
bool RoundInterleave1Avx512(const PackArgs& args);  // the same, rounded to bfloat16

bool PackU8Interleave4Avx512(const PackArgs& args);  // uint8 x
bool PackU8Interleave1Avx512(const PackArgs& args);
bool PackU8Interleave2Avx512(const PackArgs& args);
bool PackU8Interleave1WideAvx512(const PackArgs& args);

bool QuantizeInterleave4Avx512(const PackArgs& args);  // float x, quantized
bool QuantizeInterleave1Avx512(const PackArgs& args);
bool QuantizeInterleave2Avx512(const PackArgs& args);
bool QuantizeInterleave1WideAvx512(const PackArgs& args);

bool PackU8RowsAvx512(const PackArgs& args);  // small M (kGemvPadding), uint8 x
bool QuantizeRowsAvx512(const PackArgs& args);
bool RoundRowsAvx512(const PackArgs& args);  // floats, rounded to bfloat16

// The kernel for panels of `NR` outputs and tiles of `vectors` vectors, or
// null where there is none. Tiles of floats; needs AVX-512 F.
MultiplyFunction MultiplyF32Avx512(int nr, int vectors);

// The same with bfloat16 weights, packed as floats (TileLayout::kInterleave1).
MultiplyFunction MultiplyBf16Interleave1Avx512(int nr, int vectors);

// The kernels for panels of `NR` outputs and tiles of `vectors` vectors, or
// null where there is none; need AVX-512 F and BW.
MultiplyFunction MultiplyInterleave2Avx512(int nr, int vectors);  // kInterleave2
MultiplyFunction MultiplyGatheredAvx512(int nr, int vectors);     // kInterleave1Wide

// Finished sums into rows of y; need AVX-512 F and BW. Sums of kNBlock
// outputs are read, so `acc` needs room for that many.
void EpilogueF32Avx512(const EpilogueArgs& args);       // float sums, float y
void EpilogueS32ToF32Avx512(const EpilogueArgs& args);  // int32 sums, float y
void EpilogueS32ToU8Avx512(const EpilogueArgs& args);   // int32 sums, uint8 y

// The same for small M, whose sums lie as [row][output].
void EpilogueGemvF32Avx512(const EpilogueArgs& args);
void EpilogueGemvS32ToF32Avx512(const EpilogueArgs& args);
void EpilogueGemvS32ToU8Avx512(const EpilogueArgs& args);

bool EpilogueToTileF32Avx512(const EpilogueArgs& args);
bool EpilogueToTileRoundedAvx512(const EpilogueArgs& args);  // floats, to bfloat16
bool EpilogueToTileInterleave4Avx512(const EpilogueArgs& args);
bool EpilogueToTileInterleave2Avx512(const EpilogueArgs& args);
bool EpilogueToTileInterleave1Avx512(const EpilogueArgs& args);
bool EpilogueToTileInterleave1WideAvx512(const EpilogueArgs& args);

// Panels of `NR` outputs by 1 to kMaxGemvRows rows; null for an NR there is none for.
GemvFunction GemvF32Avx512(int nr, int rows);

// The same with bfloat16 weights, packed as floats (TileLayout::kInterleave1).
GemvFunction GemvBf16Interleave1Avx512(int nr, int rows);

// Of the finite values and 0; needs AVX-512.
Range FindRangeAvx512(const float* x, int64_t count);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512_H_
