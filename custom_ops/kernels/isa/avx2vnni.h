#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX2VNNI_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX2VNNI_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernels for panels of `NR` outputs and tiles of `vectors` vectors, or
// null where there is none; need AVX2 and AVX-VNNI.
MultiplyFunction MultiplyInterleave4Avx2Vnni(int nr, int vectors);  // kInterleave4
MultiplyFunction MultiplyGatheredAvx2Vnni(int nr, int vectors);     // kInterleave1, vectors = 2

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AVX2VNNI_H_
