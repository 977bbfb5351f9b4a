#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_KERNEL_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_KERNEL_H_

#include "custom_ops/engine/isa.h"
#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// The best that an ISA has.
InteractionFunction ChooseInteraction(Isa isa, TableType type);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_KERNEL_H_
