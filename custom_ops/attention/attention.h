#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_H_

// Attention of a whole model: scores, scale, masks, softmax and context in one pass.
// attention_args.h has the formula.
//
// Why one op. TensorFlow writes a tensor [B, H, T, S] of scores and reads it again for each of
// scale, bias, mask and softmax, and transposes queries, keys, values and results. Here a tile of
// queries of one head meets all keys while its scores are in cache, and every tensor is read and
// written where it lies (heads_view.h), so nothing of that size is ever in memory.
//
// How. Queries lie in the lanes of registers, keys and values are broadcast from their own rows:
// no key is transposed or copied, and the maximum and the sum of a softmax are sums over
// registers, without a reduction inside of one (attention_tile.h). Grouped queries, which share
// keys, are rows of one tile. More keys than kKeyBlock are taken block by block, and what has been
// summed is rescaled when a greater score comes (Milakov and Gimelshein, "Online normalizer
// calculation for softmax", arXiv:1805.02867; Dao et al., "FlashAttention", arXiv:2205.14135).
//
// Threads share batches x heads x tiles. A result does not depend on their number.

#include <cstdint>

#include "custom_ops/attention/attention_args.h"
#include "custom_ops/attention/attention_kernel.h"
#include "custom_ops/attention/heads_view.h"
#include "custom_ops/attention/score_view.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"

namespace tfsparse {

struct AttentionCall {
  int64_t batch = 0, heads = 1, kv_heads = 1;
  int64_t queries = 0, keys = 0;  // T and S
  int64_t head_size = 1, value_head_size = 1;

  bool is_u8 = false;  // query, key and value: uint8, else float
  const void* query = nullptr;
  const void* key = nullptr;
  const void* value = nullptr;
  HeadsView query_view, key_view, value_view;
  Affine query_affine, key_affine, value_affine;

  float scale = 1;
  float soft_cap = 0;
  const float* bias = nullptr;    // or null
  const uint8_t* mask = nullptr;  // not 0: keep; or null
  ScoreView bias_view, mask_view;
  // Query t keeps keys up to t + causal_offset.
  bool causal = false;
  int64_t causal_offset = 0;
  bool bias_first = true;
  bool replaces = false;
  float masked_value = -1e9f;
  // A query all of whose keys are hidden gives 0, and not what its masked scores would.
  bool zero_masked = false;

  bool y_is_u8 = false;
  void* y = nullptr;
  HeadsView y_view;
  float y_scale = 1;
  int32_t y_zero_point = 0;
};

// Fails where a value is out of range, or one head is not a multiple of the other. Sizes and views
// are taken as they are.
Status ValidateAttention(const AttentionCall& call);

// Runs a call that has been validated. Throws std::bad_alloc.
void RunAttention(const AttentionCall& call, const AttentionKernel& kernel, const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_H_
