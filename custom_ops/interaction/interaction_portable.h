#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PORTABLE_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PORTABLE_H_

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// On any processor.
void InteractPortable(const InteractionArgs& args, const InteractionItem& item,
                      const InteractionScratch& scratch);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PORTABLE_H_
