#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX2_H_

#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/kernels/range/range.h"

namespace tfsparse {

// Rows of x into a tile (format/weight_format.h: TileLayout); need AVX2 and FMA. `inputs` is
// rounded up to 64, so a tile needs room for that many. kInterleave1 of uint8 wants vectors = 2.

bool PackF32Avx2(const PackArgs& args);           // float x, as it is
bool RoundInterleave1Avx2(const PackArgs& args);  // the same, rounded to bfloat16

bool PackU8Interleave4Avx2(const PackArgs& args);  // uint8 x
bool PackU8Interleave1Avx2(const PackArgs& args);
bool PackU8Interleave2Avx2(const PackArgs& args);
bool PackU8Interleave1WideAvx2(const PackArgs& args);

bool QuantizeInterleave4Avx2(const PackArgs& args);  // float x, quantized
bool QuantizeRowsAvx2(const PackArgs& args);         // rows as they are (kGemvPadding)
bool QuantizeInterleave1Avx2(const PackArgs& args);
bool QuantizeInterleave2Avx2(const PackArgs& args);
bool QuantizeInterleave1WideAvx2(const PackArgs& args);

// The kernel for panels of `NR` outputs and tiles of `vectors` vectors, or
// null where there is none. Tiles of floats; needs AVX2 and FMA.
MultiplyFunction MultiplyF32Avx2(int nr, int vectors);

// The same with bfloat16 weights, packed as floats (TileLayout::kInterleave1).
MultiplyFunction MultiplyBf16Interleave1Avx2(int nr, int vectors);

// The kernels for panels of `NR` outputs and tiles of `vectors` vectors, or
// null where there is none; need AVX2.
MultiplyFunction MultiplyInterleave2Avx2(int nr, int vectors);  // kInterleave2
MultiplyFunction MultiplyGatheredAvx2(int nr, int vectors);     // kInterleave1Wide

// Finished sums into rows of y; need AVX2 and FMA. Sums of kNBlock
// outputs are read, so `acc` needs room for that many.
void EpilogueF32Avx2(const EpilogueArgs& args);       // float sums, float y
void EpilogueS32ToF32Avx2(const EpilogueArgs& args);  // int32 sums, float y
void EpilogueS32ToU8Avx2(const EpilogueArgs& args);   // int32 sums, uint8 y

bool EpilogueToTileF32Avx2(const EpilogueArgs& args);
bool EpilogueToTileRoundedAvx2(const EpilogueArgs& args);  // floats, to bfloat16
bool EpilogueToTileInterleave4Avx2(const EpilogueArgs& args);
bool EpilogueToTileInterleave2Avx2(const EpilogueArgs& args);
bool EpilogueToTileInterleave1Avx2(const EpilogueArgs& args);
bool EpilogueToTileInterleave1WideAvx2(const EpilogueArgs& args);

// Of the finite values and 0; needs AVX2.
Range FindRangeAvx2(const float* x, int64_t count);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX2_H_
