#include "custom_ops/attention/attention_kernel.h"

#include "custom_ops/attention/attention_avx2.h"
#include "custom_ops/attention/attention_avx512.h"
#include "custom_ops/attention/attention_bf16_avx512bf16.h"
#include "custom_ops/attention/attention_bf16_avx512vnni.h"
#include "custom_ops/attention/attention_portable.h"

namespace tfsparse {

AttentionKernel ChooseAttention(Isa isa, AttentionCompute compute) {
  const bool bf16 = compute == AttentionCompute::kBFloat16;
  if (bf16 && Includes(isa, Isa::kAvx512Bf16)) return {AttentionBf16Avx512Bf16, 64, true};
  if (bf16 && Includes(isa, Isa::kAvx512Vnni)) return {AttentionBf16Avx512Vnni, 64, true};
  if (Includes(isa, Isa::kAvx512)) return {bf16 ? AttentionBf16Avx512 : AttentionAvx512, 64};
  if (Includes(isa, Isa::kAvx2)) return {bf16 ? AttentionBf16Avx2 : AttentionAvx2, 16};
  return {bf16 ? AttentionBf16Portable : AttentionPortable, kMaxQueries};
}

}  // namespace tfsparse
