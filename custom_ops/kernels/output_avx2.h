#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_OUTPUT_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_OUTPUT_AVX2_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Finished sums into rows of y; need AVX2 and FMA. Sums of kChunkOutputs
// outputs are read, so `acc` needs room for that many.
void OutputF32Avx2(const OutputArgs& args);       // float sums, float y
void OutputS32ToF32Avx2(const OutputArgs& args);  // int32 sums, float y
void OutputS32ToU8Avx2(const OutputArgs& args);   // int32 sums, uint8 y

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_OUTPUT_AVX2_H_
