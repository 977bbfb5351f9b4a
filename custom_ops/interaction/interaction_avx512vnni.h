#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512VNNI_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512VNNI_H_

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// For tables of the type in the name. Needs AVX-512 VNNI.
extern const InteractionKernel kInteractS8Avx512Vnni;

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX512VNNI_H_
