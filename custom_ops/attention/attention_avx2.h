#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_AVX2_H_

#include "custom_ops/attention/attention_args.h"

namespace tfsparse {

// Need AVX2; up to 16 queries. Bf16: operands are rounded to bfloat16.
void AttentionAvx2(const AttentionTileArgs& args);
void AttentionBf16Avx2(const AttentionTileArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_AVX2_H_
