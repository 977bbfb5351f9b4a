#include "custom_ops/interaction/interaction_kernel.h"

#include "custom_ops/interaction/interaction_avx2.h"
#include "custom_ops/interaction/interaction_avx2vnni.h"
#include "custom_ops/interaction/interaction_avx512.h"
#include "custom_ops/interaction/interaction_avx512bf16.h"
#include "custom_ops/interaction/interaction_avx512vnni.h"
#include "custom_ops/interaction/interaction_portable.h"

namespace tfsparse {
namespace {

struct Row {
  Isa isa;
  TableType type;
  const InteractionKernel& kernel;
};

// Better ones first.
constexpr Row kRows[] = {
    {Isa::kAvx512Bf16, TableType::kBf16, kInteractBf16Avx512Bf16},
    {Isa::kAvx512Vnni, TableType::kS8, kInteractS8Avx512Vnni},
    {Isa::kAvx512, TableType::kF32, kInteractF32Avx512},
    {Isa::kAvx512, TableType::kBf16, kInteractBf16Avx512},
    {Isa::kAvx512, TableType::kS8, kInteractS8Avx512},
    {Isa::kAvx2Vnni, TableType::kS8, kInteractS8Avx2Vnni},
    {Isa::kAvx2, TableType::kF32, kInteractF32Avx2},
    {Isa::kAvx2, TableType::kBf16, kInteractBf16Avx2},
    {Isa::kAvx2, TableType::kS8, kInteractS8Avx2},
};

}  // namespace

InteractionKernel ChooseInteraction(Isa isa, TableType type) {
  for (const Row& row : kRows) {
    if (row.type == type && Includes(isa, row.isa)) return row.kernel;
  }
  return {InteractPortable, nullptr, 1};
}

}  // namespace tfsparse
