#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_BF16_AVX512BF16_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_BF16_AVX512BF16_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernels for strips of `height` outputs (8, 4, 2, 1) and `rows` rows (1 to kMaxFewRows), or
// null where there is none; need AVX-512 BF16. Weights in Layout::kPairs by rows of bfloat16,
// and in kWidePlanes by rows of floats rounded to it.
FewRowsFunction FewRowsBf16PairsAvx512Bf16(int height, int rows);
FewRowsFunction FewRowsBf16GatheredAvx512Bf16(int height, int rows);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_BF16_AVX512BF16_H_
