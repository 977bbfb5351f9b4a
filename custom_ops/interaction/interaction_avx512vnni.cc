#include "custom_ops/interaction/interaction_avx512vnni.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_item.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx512.h"

namespace tfsparse {
namespace {

struct InteractAvx512Vnni : InteractAvx512 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 bytes, I32 by) {
    return _mm512_dpbusd_epi32(sum, bytes, by);
  }
};

}  // namespace

void InteractS8Avx512Vnni(const InteractionArgs& args, const InteractionItem& item,
                          const InteractionScratch& scratch) {
  Item<OperandsS8<InteractAvx512Vnni>>::Run(args, item, scratch);
}

}  // namespace tfsparse
