#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PORTABLE_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PORTABLE_H_

#include "custom_ops/attention/attention_args.h"

namespace tfsparse {

// One query after the other, on any processor. Bf16: operands are rounded to bfloat16.
void AttentionPortable(const AttentionTileArgs& args);
void AttentionBf16Portable(const AttentionTileArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PORTABLE_H_
