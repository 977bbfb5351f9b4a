#include "custom_ops/interaction/interaction_avx512.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_item.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx512.h"

namespace tfsparse {

void InteractF32Avx512(const InteractionArgs& args, const InteractionItem& item,
                       const InteractionScratch& scratch) {
  Item<OperandsF32<InteractAvx512>>::Run(args, item, scratch);
}

void InteractBf16Avx512(const InteractionArgs& args, const InteractionItem& item,
                        const InteractionScratch& scratch) {
  Item<OperandsBf16AsF32<InteractAvx512>>::Run(args, item, scratch);
}

void InteractS8Avx512(const InteractionArgs& args, const InteractionItem& item,
                      const InteractionScratch& scratch) {
  Item<OperandsS16<InteractAvx512>>::Run(args, item, scratch);
}

}  // namespace tfsparse
