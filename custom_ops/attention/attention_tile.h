#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_TILE_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_TILE_H_

// A tile of attention: up to V registers of queries, which lie in the lanes.
//
//   query     [channel][lane]   the tile's queries, scaled and transposed once
//   scores    [key][lane]       of a block of keys: a product whose keys are broadcast
//   context   [channel][lane]   the sum of values, which are broadcast, times exponentials
//
// The softmax of a query is its lane's, so its maximum and its sum need nothing across lanes.
// Blocks of keys follow each other. Where a later one has a greater score, the sums before it are
// multiplied by exp(old maximum - new one) as they are loaded.
//
// Infinities. -infinity hides a key. The maximum that is taken away is never below the smallest
// float, so a block whose keys are all hidden has exponentials of 0, not NaN; a query whose keys
// are all hidden has a sum of 0 at the end, and 0 / 0 is the NaN that softmax gives. NaN and
// +infinity make the whole query NaN, likewise.
//
// P, the products of a type of operands, is in attention_f32.h or in the file of an instruction
// set. P::TakeQueries and P::Score write scratch.query and the products of scratch.scores.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/attention/attention_args.h"
#include "custom_ops/attention/attention_exponent.h"
#include "custom_ops/attention/attention_product.h"
#include "custom_ops/attention/attention_rows.h"
#include "custom_ops/attention/attention_scores.h"

namespace tfsparse {
namespace {

// Of each lane, over the blocks so far.
template <class Vec, int V>
struct Softmax {
  alignas(64) float greatest[V * Vec::kLanes];
  alignas(64) float sum[V * Vec::kLanes];
  alignas(64) float correction[V * Vec::kLanes];  // of what earlier blocks have summed

  Softmax() {
    for (int i = 0; i < V * Vec::kLanes; ++i) {
      greatest[i] = -__builtin_inff();
      sum[i] = 0;
    }
  }
};

// Replaces scores by exp(score - greatest), as operands of the second product.
template <class P, class Lanes, int V>
void TakeExponentials(int64_t keys, float* scores, Softmax<typename P::Vec, V>* softmax) {
  using Vec = typename P::Vec;
  constexpr int L = Vec::kLanes;
  typename Vec::F32 greatest[V], sum[V];
  for (int v = 0; v < V; ++v) greatest[v] = Vec::Load(softmax->greatest + v * L);
  for (int64_t k = 0; k < keys; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      // The second operand, what has been found so far, where the score is NaN.
      greatest[v] = Vec::Max(Vec::Load(scores + (k * V + v) * L), greatest[v]);
    }
  }
  const auto lowest = Vec::Broadcast(-0x1.fffffep127f);
  for (int v = 0; v < V; ++v) {
    const auto old = Vec::Load(softmax->greatest + v * L);
    Vec::Store(softmax->greatest + v * L, greatest[v]);
    greatest[v] = Vec::Max(greatest[v], lowest);
    const auto correction =
        Exponent<Lanes, ExponentFor::kFloat32>(Lanes::Subtract(old, greatest[v]));
    Vec::Store(softmax->correction + v * L, correction);
    sum[v] = Vec::Multiply(Vec::Load(softmax->sum + v * L), correction);
  }
  P::template Exponentials<Lanes, V>(keys, greatest, scores, sum);
  for (int v = 0; v < V; ++v) Vec::Store(softmax->sum + v * L, sum[v]);
}

// P::TakeQueries and P::Score of operands that are the same in both products.
template <class P>
struct ScoresAsProducts : P {
  template <int V>
  static void TakeQueries(const AttentionTileArgs& args) {
    PackQueries<P, V>(args, args.scratch.query);
  }
  template <int V>
  static void Score(const AttentionTileArgs& args, int64_t first, int64_t keys) {
    const typename P::Rows key = P::Keys(args, first, keys);
    Multiply<P, Along::kK, V>(key.data, key.stride, args.scratch.query, P::Depth(args.head_size),
                              nullptr, keys, args.scratch.scores);
  }
};

template <class P, class Lanes, int V>
void RunTile(const AttentionTileArgs& args) {
  using Vec = typename P::Vec;
  const AttentionScratch& scratch = args.scratch;
  P::template TakeQueries<V>(args);
  Softmax<Vec, V> softmax;
  for (int64_t first = 0; first < args.keys; first += kKeyBlock) {
    const int64_t keys = args.keys - first < kKeyBlock ? args.keys - first : kKeyBlock;
    P::template Score<V>(args, first, keys);
    FinishScores<Vec, Lanes, V>(args, first, keys, scratch.scores);
    TakeExponentials<P, Lanes, V>(keys, scratch.scores, &softmax);
    const typename P::Rows value = P::Values(args, first, keys);
    Multiply<P, Along::kM, V>(value.data, value.stride, scratch.scores, P::Depth(keys),
                              first == 0 ? nullptr : softmax.correction, args.value_head_size,
                              scratch.context);
  }
  for (float& sum : softmax.sum) sum = 1 / sum;
  WriteRows<Vec, V>(args, scratch.context, softmax.sum);
}

// With as many registers as the queries of this tile need.
template <class P, class Lanes, int V>
void RunTileOf(const AttentionTileArgs& args) {
  if constexpr (V > 1) {
    if (args.rows <= (V - 1) * P::Vec::kLanes) return RunTileOf<P, Lanes, V - 1>(args);
  }
  RunTile<P, Lanes, V>(args);
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_TILE_H_
