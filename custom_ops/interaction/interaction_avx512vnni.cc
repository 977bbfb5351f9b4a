#include "custom_ops/interaction/interaction_avx512vnni.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_group.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx2.h"
#include "custom_ops/interaction/interaction_vector_avx512.h"

namespace tfsparse {
namespace {

struct InteractAvx512Vnni : InteractAvx512 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 bytes, I32 by) {
    return _mm512_dpbusd_epi32(sum, bytes, by);
  }
};

struct Half : InteractAvx2 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 bytes, I32 by) {
    return _mm256_dpbusd_epi32(sum, bytes, by);
  }
};

struct Quads : OperandsS8<InteractAvx512Vnni> {
  static constexpr bool kHasHalf = true;
  using Half = OperandsS8<tfsparse::Half>;
};

}  // namespace

const InteractionKernel kInteractS8Avx512Vnni = KernelOf<Quads>();

}  // namespace tfsparse
