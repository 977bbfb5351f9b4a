#include "custom_ops/interaction/interaction_avx2vnni.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_item.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx2.h"

namespace tfsparse {
namespace {

struct InteractAvx2Vnni : InteractAvx2 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 bytes, I32 by) {
    return _mm256_dpbusd_avx_epi32(sum, bytes, by);
  }
};

}  // namespace

void InteractS8Avx2Vnni(const InteractionArgs& args, const InteractionItem& item,
                        const InteractionScratch& scratch) {
  Item<OperandsS8<InteractAvx2Vnni>>::Run(args, item, scratch);
}

}  // namespace tfsparse
