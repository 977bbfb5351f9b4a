#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BF16_AVX512VNNI_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BF16_AVX512VNNI_H_

#include "custom_ops/attention/attention_args.h"

namespace tfsparse {

// Needs AVX-512 VNNI; up to 64 queries.
void AttentionBf16Avx512Vnni(const AttentionTileArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BF16_AVX512VNNI_H_
