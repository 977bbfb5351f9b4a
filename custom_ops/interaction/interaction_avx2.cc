#include "custom_ops/interaction/interaction_avx2.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_group.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx2.h"

namespace tfsparse {

const InteractionKernel kInteractF32Avx2 = KernelOf<OperandsF32<InteractAvx2>>();

const InteractionKernel kInteractBf16Avx2 = KernelOf<OperandsBf16AsF32<InteractAvx2>>();

const InteractionKernel kInteractS8Avx2 = KernelOf<OperandsS16<InteractAvx2>>();

}  // namespace tfsparse
