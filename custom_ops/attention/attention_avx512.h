#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_AVX512_H_

#include "custom_ops/attention/attention_args.h"

namespace tfsparse {

// Need AVX-512; up to 64 queries. Bf16: operands are rounded to bfloat16.
void AttentionAvx512(const AttentionTileArgs& args);
void AttentionBf16Avx512(const AttentionTileArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_AVX512_H_
