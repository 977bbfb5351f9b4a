#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_F32_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_F32_AVX512_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Strips of `height` outputs by 1 to kMaxFewRows rows; null for a height there is none for.
FewRowsFunction FewRowsF32Avx512(int height, int rows);

// The same with bfloat16 weights, packed as floats (Layout::kPlanes).
FewRowsFunction FewRowsBf16PlanesAvx512(int height, int rows);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_F32_AVX512_H_
