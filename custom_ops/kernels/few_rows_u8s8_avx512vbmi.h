#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_U8S8_AVX512VBMI_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_U8S8_AVX512VBMI_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Strips of `height` outputs in Layout::kWindows by 1 to kMaxFewRows rows; null for what there
// is none for. Needs AVX-512 VNNI and VBMI.
FewRowsFunction FewRowsU8S8Avx512Vbmi(int height, int rows);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_U8S8_AVX512VBMI_H_
