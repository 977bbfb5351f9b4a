#include "custom_ops/interaction/interaction_avx512.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_item.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx2.h"
#include "custom_ops/interaction/interaction_vector_avx512.h"

namespace tfsparse {
namespace {

template <template <class> class Operands>
struct WithHalf : Operands<InteractAvx512> {
  using Half = Operands<InteractAvx2>;
};

}  // namespace

void InteractF32Avx512(const InteractionArgs& args, const InteractionItem& item,
                       const InteractionScratch& scratch) {
  Item<WithHalf<OperandsF32>>::Run(args, item, scratch);
}

void InteractBf16Avx512(const InteractionArgs& args, const InteractionItem& item,
                        const InteractionScratch& scratch) {
  Item<WithHalf<OperandsBf16AsF32>>::Run(args, item, scratch);
}

void InteractS8Avx512(const InteractionArgs& args, const InteractionItem& item,
                      const InteractionScratch& scratch) {
  Item<WithHalf<OperandsS16>>::Run(args, item, scratch);
}

}  // namespace tfsparse
