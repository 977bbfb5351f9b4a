#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BF16_AVX512BF16_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BF16_AVX512BF16_H_

#include "custom_ops/attention/attention_args.h"

namespace tfsparse {

// Needs AVX-512 BF16; up to 64 queries.
void AttentionBf16Avx512Bf16(const AttentionTileArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BF16_AVX512BF16_H_
