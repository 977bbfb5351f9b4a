#include "custom_ops/interaction/interaction_avx2.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_item.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx2.h"

namespace tfsparse {

void InteractF32Avx2(const InteractionArgs& args, const InteractionItem& item,
                     const InteractionScratch& scratch) {
  Item<OperandsF32<InteractAvx2>>::Run(args, item, scratch);
}

void InteractBf16Avx2(const InteractionArgs& args, const InteractionItem& item,
                      const InteractionScratch& scratch) {
  Item<OperandsBf16AsF32<InteractAvx2>>::Run(args, item, scratch);
}

void InteractS8Avx2(const InteractionArgs& args, const InteractionItem& item,
                    const InteractionScratch& scratch) {
  Item<OperandsS16<InteractAvx2>>::Run(args, item, scratch);
}

}  // namespace tfsparse
