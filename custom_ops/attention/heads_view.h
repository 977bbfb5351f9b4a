#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_HEADS_VIEW_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_HEADS_VIEW_H_

// Where the heads of queries, keys, values or results lie in a tensor. Keras has them as
// [B, T, H, D], a merged product as channels of [B, T, 3 * H * D], graphs with a transposition as
// [B, H, T, D]: all of it is a first element and three strides.

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"

namespace tfsparse {

// Element d of head h of token t of batch b is at offset + b * batch + t * token + h * head + d.
struct HeadsView {
  int64_t offset = 0;
  int64_t batch = 0, token = 0, head = 0;  // strides, in elements
};

// What an op's attributes say about one of its tensors.
struct HeadsSpec {
  const char* name;               // in errors
  int64_t heads = 1, size = 1;    // of heads, and of a head
  bool heads_first = false;       // layout [B, H, T, D] instead of [B, T, channels ...]
  std::vector<int64_t> channels;  // {offset, stride of heads}; empty: {0, size}
};

// What does not depend on the tensor's shape.
Status ValidateSpec(const HeadsSpec& spec);

// The sizes B and T of a tensor of this shape, whose spec has been validated, and its view.
// Sizes below 0 are unknown ones; then so are those of the result.
Status ViewHeads(const HeadsSpec& spec, const std::vector<int64_t>& shape, int64_t* batch,
                 int64_t* tokens, HeadsView* view);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_HEADS_VIEW_H_
