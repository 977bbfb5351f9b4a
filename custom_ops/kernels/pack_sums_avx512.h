#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_AVX512_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

bool PackSumsF32Avx512(const OutputArgs& args);
bool PackSumsRoundedAvx512(const OutputArgs& args);  // floats, to bfloat16
bool PackSumsQuadsAvx512(const OutputArgs& args);
bool PackSumsPairsAvx512(const OutputArgs& args);
bool PackSumsPlanesAvx512(const OutputArgs& args);
bool PackSumsWidePlanesAvx512(const OutputArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_AVX512_H_
