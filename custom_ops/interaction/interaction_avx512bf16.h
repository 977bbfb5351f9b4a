#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512BF16_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512BF16_H_

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// For tables of the type in the name. Needs AVX-512 BF16.
extern const InteractionKernel kInteractBf16Avx512Bf16;

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512BF16_H_
