#include "custom_ops/attention/attention_kernel.h"

#include "custom_ops/attention/attention_portable.h"

namespace tfsparse {

AttentionKernel ChooseAttention(Path path, AttentionCompute compute) {
  const bool bf16 = compute == AttentionCompute::kBFloat16;
  return {bf16 ? AttentionBf16Portable : AttentionPortable, kMaxQueries};
}

}  // namespace tfsparse
