#include "custom_ops/attention/attention_portable.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/bfloat16.h"
#include "custom_ops/kernels/quantize.h"

namespace tfsparse {
namespace {

template <bool kBf16>
float Rounded(float value) {
  return kBf16 ? RoundToBFloat16(value).ToFloat() : value;
}

// `count` elements as floats, at `to` if they are not floats as they lie.
template <bool kBf16>
const float* Floats(const void* from, bool is_u8, const Affine& affine, int64_t count, float* to) {
  if (!is_u8 && !kBf16) return static_cast<const float*>(from);
  for (int64_t i = 0; i < count; ++i) {
    const float value =
        is_u8 ? affine.scale *
                    static_cast<float>(static_cast<const uint8_t*>(from)[i] - affine.zero_point)
              : static_cast<const float*>(from)[i];
    to[i] = Rounded<kBf16>(value);
  }
  return to;
}

const void* RowOf(const void* data, bool is_u8, int64_t element) {
  if (is_u8) return static_cast<const uint8_t*>(data) + element;
  return static_cast<const float*>(data) + element;
}

float Dot(const float* a, const float* b, int64_t size) {
  float sum = 0;
  for (int64_t d = 0; d < size; ++d) sum += a[d] * b[d];
  return sum;
}

float Masked(const AttentionTileArgs& args, int64_t row, int64_t key, float score) {
  const float bias = args.bias_at == nullptr ? 0.0f : args.bias_at[row][key * args.bias_stride];
  const bool keep = (args.mask_at == nullptr || args.mask_at[row][key * args.mask_stride] != 0) &&
                    (args.visible == nullptr || key < args.visible[row]);
  if (args.bias_first) score += bias;
  if (!keep) score = args.replaces ? args.masked_value : score + args.masked_value;
  if (!args.bias_first) score += bias;
  return score;
}

// exp(score - the greatest one), and the sum of that. NaN where all are -infinity.
float Exponentials(float* scores, int64_t keys) {
  float greatest = -std::numeric_limits<float>::infinity();
  for (int64_t k = 0; k < keys; ++k) greatest = std::max(greatest, scores[k]);
  float sum = 0;
  for (int64_t k = 0; k < keys; ++k) {
    scores[k] = std::exp(scores[k] - greatest);
    sum += scores[k];
  }
  return sum;
}

template <bool kBf16>
void Scores(const AttentionTileArgs& args, int64_t row, float* scores) {
  const AttentionScratch& scratch = args.scratch;
  const void* from = args.query_at[row];
  float* query = scratch.query;
  const float* floats = Floats<false>(from, args.is_u8, args.query_affine, args.head_size, query);
  for (int64_t d = 0; d < args.head_size; ++d) query[d] = Rounded<kBf16>(floats[d] * args.scale);
  for (int64_t k = 0; k < args.keys; ++k) {
    const void* key = RowOf(args.key, args.is_u8, k * args.key_stride);
    const float score =
        Dot(query, Floats<kBf16>(key, args.is_u8, args.key_affine, args.head_size, scratch.key),
            args.head_size);
    const float capped =
        args.soft_cap > 0 ? args.soft_cap * std::tanh(score / args.soft_cap) : score;
    scores[k] = Masked(args, row, k, capped);
  }
}

template <bool kBf16>
void Context(const AttentionTileArgs& args, const float* p, float sum, float* context) {
  std::fill_n(context, args.value_head_size, 0.0f);
  for (int64_t k = 0; k < args.keys; ++k) {
    const void* from = RowOf(args.value, args.is_u8, k * args.value_stride);
    const float* value = Floats<kBf16>(from, args.is_u8, args.value_affine, args.value_head_size,
                                       args.scratch.value);
    const float share = Rounded<kBf16>(p[k]);
    for (int64_t d = 0; d < args.value_head_size; ++d) context[d] += share * value[d];
  }
  const float inverse = 1 / sum;
  for (int64_t d = 0; d < args.value_head_size; ++d) context[d] *= inverse;
}

void Write(const AttentionTileArgs& args, int64_t row, const float* context) {
  if (!args.y_is_u8) {
    std::copy_n(context, args.value_head_size, static_cast<float*>(args.y_at[row]));
    return;
  }
  auto* y = static_cast<uint8_t*>(args.y_at[row]);
  for (int64_t d = 0; d < args.value_head_size; ++d) {
    y[d] = QuantizeU8(context[d], args.inv_y_scale, args.y_zero_point);
  }
}

template <bool kBf16>
void Run(const AttentionTileArgs& args) {
  thread_local AlignedBuffer<float> scores_of_thread;
  scores_of_thread.Reserve(args.keys);
  float* scores = scores_of_thread.data();
  for (int64_t row = 0; row < args.rows; ++row) {
    Scores<kBf16>(args, row, scores);
    const float sum = Exponentials(scores, args.keys);
    Context<kBf16>(args, scores, sum, args.scratch.context);
    Write(args, row, args.scratch.context);
  }
}

}  // namespace

void AttentionPortable(const AttentionTileArgs& args) { Run<false>(args); }
void AttentionBf16Portable(const AttentionTileArgs& args) { Run<true>(args); }

}  // namespace tfsparse
