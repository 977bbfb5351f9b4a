#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_BF16_AVX512BF16_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_BF16_AVX512BF16_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// From sums to the packed x of the next layer, as in pack_sums.h; need AVX-512 BF16. Chunks
// begin with an even output.
bool PackSumsBf16PairsAvx512Bf16(const OutputArgs& args);
bool PackSumsBf16WidePlanesAvx512Bf16(const OutputArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_SUMS_BF16_AVX512BF16_H_
