#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX2_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Rows of x into a tile (kernel_args.h: Layout); need AVX2 and FMA. `inputs` is rounded
// up to 64, so a tile needs room for that many. Planes of uint8 want vectors = 2.

bool PackF32Avx2(const PackArgs& args);      // float x, planes of float
bool RoundPlanesAvx2(const PackArgs& args);  // the same, rounded to bfloat16

bool PackU8QuadsAvx2(const PackArgs& args);  // uint8 x
bool PackU8PlanesAvx2(const PackArgs& args);
bool PackU8PairsAvx2(const PackArgs& args);
bool PackU8WidePlanesAvx2(const PackArgs& args);

bool QuantizeQuadsAvx2(const PackArgs& args);  // float x, quantized
bool QuantizePlanesAvx2(const PackArgs& args);
bool QuantizePairsAvx2(const PackArgs& args);
bool QuantizeWidePlanesAvx2(const PackArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX2_H_
