#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_OUTPUT_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_OUTPUT_AVX512_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Finished sums into rows of y; need AVX-512 F and BW. Sums of kChunkOutputs
// outputs are read, so `acc` needs room for that many.
void OutputF32Avx512(const OutputArgs& args);       // float sums, float y
void OutputS32ToF32Avx512(const OutputArgs& args);  // int32 sums, float y
void OutputS32ToU8Avx512(const OutputArgs& args);   // int32 sums, uint8 y

// The same for few rows, whose sums lie as [row][output].
void FewRowsOutputF32Avx512(const OutputArgs& args);
void FewRowsOutputS32ToF32Avx512(const OutputArgs& args);
void FewRowsOutputS32ToU8Avx512(const OutputArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_OUTPUT_AVX512_H_
