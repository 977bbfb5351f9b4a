#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512_H_

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// For tables of the type in the name. Needs AVX-512.
extern const InteractionKernel kInteractF32Avx512;
extern const InteractionKernel kInteractBf16Avx512;
extern const InteractionKernel kInteractS8Avx512;

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512_H_
