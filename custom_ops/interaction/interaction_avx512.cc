#include "custom_ops/interaction/interaction_avx512.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_group.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx2.h"
#include "custom_ops/interaction/interaction_vector_avx512.h"

namespace tfsparse {
namespace {

template <template <class> class Operands>
struct WithHalf : Operands<InteractAvx512> {
  static constexpr bool kHasHalf = true;
  using Half = Operands<InteractAvx2>;
};

}  // namespace

const InteractionKernel kInteractF32Avx512 = KernelOf<WithHalf<OperandsF32>>();

const InteractionKernel kInteractBf16Avx512 = KernelOf<WithHalf<OperandsBf16AsF32>>();

const InteractionKernel kInteractS8Avx512 = KernelOf<WithHalf<OperandsS16>>();

}  // namespace tfsparse
