#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_AVX2_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

bool PackSumsF32Avx2(const OutputArgs& args);
bool PackSumsRoundedAvx2(const OutputArgs& args);  // floats, to bfloat16
bool PackSumsQuadsAvx2(const OutputArgs& args);
bool PackSumsPairsAvx2(const OutputArgs& args);
bool PackSumsPlanesAvx2(const OutputArgs& args);
bool PackSumsWidePlanesAvx2(const OutputArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_AVX2_H_
