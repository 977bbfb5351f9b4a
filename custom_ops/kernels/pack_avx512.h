#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX512_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Rows of x into a tile; need AVX-512 F and BW. `inputs` is rounded up to 16
// planes (float) or 64 (uint8), so a tile needs room for that many.
bool PackF32Avx512(const PackArgs& args);         // float x, planes of float
bool PackU8QuadsAvx512(const PackArgs& args);     // uint8 x, quads
bool PackU8PlanesAvx512(const PackArgs& args);    // uint8 x, planes; vectors = 4
bool QuantizeQuadsAvx512(const PackArgs& args);   // float x, quads of uint8
bool QuantizePlanesAvx512(const PackArgs& args);  // float x, planes of uint8; vectors = 4

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_AVX512_H_
