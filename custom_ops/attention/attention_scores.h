#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_SCORES_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_SCORES_H_

// What is done to the scores of a block of keys, scores[key][lane], before their exponentials:
// soft cap, bias, mask, in passes over a tile that lies in cache.
//
// A bias or a mask that all queries share has a number for each key, which is broadcast. One with
// rows of its own for each query is transposed: floats in registers, a mask into 64 bits for each
// key, a bit for each query. Causality clears bits of queries from some key on.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/attention/attention_args.h"
#include "custom_ops/kernels/activation_functions.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// Calls change(scores of L lanes, key, v) for all of the block.
template <class Vec, int V, class Change>
TFSPARSE_INLINE void ForScores(float* scores, int64_t keys, const Change& change) {
  constexpr int L = Vec::kLanes;
  for (int64_t k = 0; k < keys; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* at = scores + (k * V + v) * L;
      Vec::Store(at, change(Vec::Load(at), k, v));
    }
  }
}

template <class Vec, class Lanes, int V>
void CapScores(float cap, int64_t keys, float* scores) {
  const auto size = Vec::Broadcast(cap), inverse = Vec::Broadcast(1 / cap);
  ForScores<Vec, V>(scores, keys, [&](auto s, int64_t, int) {
    return Vec::Multiply(size, Tanh<Lanes>(Vec::Multiply(s, inverse)));
  });
}

// bias[row][first + key], L x L of them at a time.
template <class Vec, int V>
void AddTransposedBias(const AttentionTileArgs& args, int64_t first, int64_t keys, float* scores) {
  constexpr int L = Vec::kLanes;
  for (int64_t k = 0; k < keys; k += L) {
    const int64_t left = keys - k < L ? keys - k : L;
    for (int v = 0; v < V; ++v) {
      typename Vec::I32 rows[L];
      for (int i = 0; i < L; ++i) {
        const int64_t row = v * L + i;
        rows[i] = row < args.rows ? Vec::AsInts(Vec::LoadSome(args.bias_at[row] + first + k, left))
                                  : Vec::Zero();
      }
      Vec::Transpose(rows);
      for (int i = 0; i < L && i < left; ++i) {
        float* at = scores + ((k + i) * V + v) * L;
        Vec::Store(at, Vec::Add(Vec::Load(at), Vec::AsFloats(rows[i])));
      }
    }
  }
}

template <class Vec, int V>
void AddBias(const AttentionTileArgs& args, int64_t first, int64_t keys, float* scores) {
  constexpr int L = Vec::kLanes;
  if (args.bias_is_shared) {
    const float* bias = args.bias_at[0] + first * args.bias_stride;
    ForScores<Vec, V>(scores, keys, [&](auto s, int64_t k, int) {
      return Vec::Add(s, Vec::Broadcast(bias[k * args.bias_stride]));
    });
  } else if (args.bias_stride == 0) {
    alignas(64) float of_rows[V * L] = {};
    for (int64_t row = 0; row < args.rows; ++row) of_rows[row] = *args.bias_at[row];
    ForScores<Vec, V>(scores, keys, [&](auto s, int64_t, int v) {
      return Vec::Add(s, Vec::Load(of_rows + v * L));
    });
  } else {
    AddTransposedBias<Vec, V>(args, first, keys, scores);
  }
}

// Bit `row` of keep[k]: whether query `row` keeps key first + k.
TFSPARSE_INLINE void FindKept(const AttentionTileArgs& args, int64_t first, int64_t keys,
                              uint64_t* __restrict keep) {
  if (args.mask_at == nullptr) {
    for (int64_t k = 0; k < keys; ++k) keep[k] = ~uint64_t{0};
  } else if (args.mask_is_shared) {
    const uint8_t* mask = args.mask_at[0] + first * args.mask_stride;
    for (int64_t k = 0; k < keys; ++k) {
      keep[k] = mask[k * args.mask_stride] != 0 ? ~uint64_t{0} : 0;
    }
  } else {
    for (int64_t k = 0; k < keys; ++k) keep[k] = 0;
    for (int64_t row = 0; row < args.rows; ++row) {
      const uint8_t* mask = args.mask_at[row] + first * args.mask_stride;
      if (args.mask_stride == 0) {
        const uint64_t bit = uint64_t{*mask != 0} << row;
        for (int64_t k = 0; k < keys; ++k) keep[k] |= bit;
      } else {
        for (int64_t k = 0; k < keys; ++k) keep[k] |= uint64_t{mask[k] != 0} << row;
      }
    }
  }
}

// Clears bits of keys that are not visible. Each query drops out at one key.
TFSPARSE_INLINE void HideFuture(const AttentionTileArgs& args, int64_t first, int64_t keys,
                                uint64_t* keep) {
  uint64_t dropped[kKeyBlock];
  for (int64_t k = 0; k < keys; ++k) dropped[k] = 0;
  for (int64_t row = 0; row < args.rows; ++row) {
    const int64_t end = args.visible[row] - first;
    if (end < keys) dropped[end < 0 ? 0 : end] |= uint64_t{1} << row;
  }
  uint64_t hidden = 0;
  for (int64_t k = 0; k < keys; ++k) {
    hidden |= dropped[k];
    keep[k] &= ~hidden;
  }
}

template <class Vec, int V>
void MaskScores(const AttentionTileArgs& args, int64_t first, int64_t keys, float* scores) {
  uint64_t keep[kKeyBlock];
  FindKept(args, first, keys, keep);
  if (args.visible != nullptr) HideFuture(args, first, keys, keep);
  const auto value = Vec::Broadcast(args.masked_value);
  if (args.replaces) {
    ForScores<Vec, V>(scores, keys, [&](auto s, int64_t k, int v) {
      return Vec::Select(Vec::Bits(keep[k], v), s, value);
    });
  } else {
    ForScores<Vec, V>(scores, keys, [&](auto s, int64_t k, int v) {
      return Vec::Select(Vec::Bits(keep[k], v), s, Vec::Add(s, value));
    });
  }
}

// Of keys [first, first + keys).
template <class Vec, class Lanes, int V>
TFSPARSE_INLINE void FinishScores(const AttentionTileArgs& args, int64_t first, int64_t keys,
                                  float* scores) {
  const bool has_bias = args.bias_at != nullptr;
  if (args.soft_cap > 0) CapScores<Vec, Lanes, V>(args.soft_cap, keys, scores);
  if (has_bias && args.bias_first) AddBias<Vec, V>(args, first, keys, scores);
  if (args.mask_at != nullptr || args.visible != nullptr) {
    MaskScores<Vec, V>(args, first, keys, scores);
  }
  if (has_bias && !args.bias_first) AddBias<Vec, V>(args, first, keys, scores);
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_SCORES_H_
