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
  InteractionFunction function;
};

// Better ones first.
constexpr Row kRows[] = {
    {Isa::kAvx512Bf16, TableType::kBf16, InteractBf16Avx512Bf16},
    {Isa::kAvx512Vnni, TableType::kS8, InteractS8Avx512Vnni},
    {Isa::kAvx512, TableType::kF32, InteractF32Avx512},
    {Isa::kAvx512, TableType::kBf16, InteractBf16Avx512},
    {Isa::kAvx512, TableType::kS8, InteractS8Avx512},
    {Isa::kAvx2Vnni, TableType::kS8, InteractS8Avx2Vnni},
    {Isa::kAvx2, TableType::kF32, InteractF32Avx2},
    {Isa::kAvx2, TableType::kBf16, InteractBf16Avx2},
    {Isa::kAvx2, TableType::kS8, InteractS8Avx2},
};

}  // namespace

InteractionFunction ChooseInteraction(Isa isa, TableType type) {
  for (const Row& row : kRows) {
    if (row.type == type && Includes(isa, row.isa)) return row.function;
  }
  return InteractPortable;
}

}  // namespace tfsparse
