#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_KERNEL_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_KERNEL_H_

#include "custom_ops/attention/attention_args.h"
#include "custom_ops/engine/isa.h"

namespace tfsparse {

struct AttentionKernel {
  AttentionTileFunction run;
  int queries;  // of a tile, at the most
  // Scores of uint8 queries and keys are exact, not products of rounded operands.
  bool has_exact_bytes = false;
};

// The type of the operands of both products; sums are float.
enum class AttentionCompute { kFloat32, kBFloat16 };

// The best kernel of an instruction set.
AttentionKernel ChooseAttention(Isa isa, AttentionCompute compute);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_KERNEL_H_
