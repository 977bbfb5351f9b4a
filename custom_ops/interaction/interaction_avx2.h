#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX2_H_

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// Tables of the type in the name. Need AVX2.
void InteractF32Avx2(const InteractionArgs& args, const InteractionItem& item,
                     const InteractionScratch& scratch);
void InteractBf16Avx2(const InteractionArgs& args, const InteractionItem& item,
                      const InteractionScratch& scratch);
void InteractS8Avx2(const InteractionArgs& args, const InteractionItem& item,
                    const InteractionScratch& scratch);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_AVX2_H_
