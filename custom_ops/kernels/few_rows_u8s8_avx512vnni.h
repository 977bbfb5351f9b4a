#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_U8S8_AVX512VNNI_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_U8S8_AVX512VNNI_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Strips of `height` outputs by 1 to kMaxFewRows rows; null for a height there is none for.
FewRowsFunction FewRowsU8S8Avx512Vnni(int height, int rows);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_U8S8_AVX512VNNI_H_
