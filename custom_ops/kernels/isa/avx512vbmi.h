#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512VBMI_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512VBMI_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Panels of `NR` outputs in WeightPacking::kPermuteWindows by 1 to kMaxGemvRows rows; null for what
// there is none for. Needs AVX-512 VNNI and VBMI.
GemvFunction GemvU8S8Avx512Vbmi(int nr, int rows);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX512VBMI_H_
