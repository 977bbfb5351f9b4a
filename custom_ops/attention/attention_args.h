#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_ARGS_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_ARGS_H_

// What a kernel of attention is told, as plain data.
//
// A kernel computes a tile: a few queries that share a head of keys and values.
//
//   s[k] = scale * sum_d q[d] key[k][d]         scores, in float
//   s[k] = cap * tanh(s[k] / cap)               if there is a soft cap
//   s[k] = s[k] + bias[k]                       here if bias_first
//   s[k] = s[k] + value, or value               where the mask or causality hides key k
//   s[k] = s[k] + bias[k]                       here otherwise
//   y[d] = sum_k exp(s[k] - max s) value[k][d] / sum_k exp(s[k] - max s)
//
// All keys of a query that are hidden by -infinity give NaN, as softmax does; no keys give 0.
//
// This header is included by files that are compiled for other instruction sets than the rest, so
// it may define nothing that the linker could share: plain data only.

#include <cstdint>

namespace tfsparse {

// Most queries of a tile that any kernel takes.
inline constexpr int kMaxQueries = 64;
// Keys whose scores are in cache at a time.
inline constexpr int64_t kKeyBlock = 512;

// float = scale * (q - zero_point), of uint8; nothing is read of it for floats.
struct Affine {
  float scale = 1;
  int32_t zero_point = 0;
};

// Memory of a thread: all of it aligned, and none of it shared. Sizes in floats.
struct AttentionScratch {
  float* query;    // kMaxQueries * (head_size + 1)
  float* scores;   // kMaxQueries * kKeyBlock
  float* context;  // kMaxQueries * value_head_size
  float* key;      // kKeyBlock * (head_size + 1), rows that are not used as they lie
  float* value;    // kKeyBlock * value_head_size, likewise
};

struct AttentionTileArgs {
  int64_t rows;  // queries, 1 .. what the kernel takes
  int64_t keys;  // at least 1
  int64_t head_size, value_head_size;
  bool is_u8;                   // query, key and value: uint8, else float
  const void* const* query_at;  // [rows], where each query begins
  const void* key;              // the first one
  const void* value;
  int64_t key_stride, value_stride;  // elements from one to the next
  Affine query_affine, key_affine, value_affine;
  float scale;
  float soft_cap;  // 0: none

  // A row of the bias and one of the mask for each query; null where there is none. `*_is_shared`:
  // all rows are the same one. `*_stride` is 1, or 0 where a row has one element for all keys.
  const float* const* bias_at;
  const uint8_t* const* mask_at;  // not 0: keep
  const int64_t* visible;         // [rows]: keys from there on are hidden as well; or null
  int64_t bias_stride, mask_stride;
  bool bias_is_shared, mask_is_shared;
  bool bias_first;
  bool replaces;  // a hidden score becomes masked_value, else score + masked_value
  float masked_value;

  void* const* y_at;  // [rows], value_head_size elements each
  bool y_is_u8;
  float inv_y_scale;  // uint8 y = round(y * this) + y_zero_point, in [0, 255], half to even
  int32_t y_zero_point;

  AttentionScratch scratch;
  bool
      rows_are_packed;  // scratch.key and scratch.value are as an earlier tile has left them, whose
                        //   keys and values are this one's: all of them, in one block
};

using AttentionTileFunction = void (*)(const AttentionTileArgs&);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_ARGS_H_
