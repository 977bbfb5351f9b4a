#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX2_H_

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// For tables of the type in the name. Needs AVX2.
extern const InteractionKernel kInteractF32Avx2;
extern const InteractionKernel kInteractBf16Avx2;
extern const InteractionKernel kInteractS8Avx2;

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX2_H_
