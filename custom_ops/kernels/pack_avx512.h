#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX512_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Rows of x into a tile (kernel_args.h: Layout); need AVX-512 F and BW. `inputs` is rounded
// up to 64, so a tile needs room for that many. Planes of uint8 want vectors = 4, wide
// ones an even number.

bool PackF32Avx512(const PackArgs& args);      // float x, planes of float
bool RoundPlanesAvx512(const PackArgs& args);  // the same, rounded to bfloat16

bool PackU8QuadsAvx512(const PackArgs& args);  // uint8 x
bool PackU8PlanesAvx512(const PackArgs& args);
bool PackU8PairsAvx512(const PackArgs& args);
bool PackU8WidePlanesAvx512(const PackArgs& args);

bool QuantizeQuadsAvx512(const PackArgs& args);  // float x, quantized
bool QuantizePlanesAvx512(const PackArgs& args);
bool QuantizePairsAvx512(const PackArgs& args);
bool QuantizeWidePlanesAvx512(const PackArgs& args);

bool PackU8RowsAvx512(const PackArgs& args);  // few rows (kFewRowsPadding), uint8 x
bool QuantizeRowsAvx512(const PackArgs& args);
bool RoundRowsAvx512(const PackArgs& args);  // floats, rounded to bfloat16

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX512_H_
