#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PROBLEM_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PROBLEM_H_

// A random attention to test with, what it should give in float64, and how far from that a result
// in float32 or bfloat16 may lie.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "custom_ops/attention/attention.h"
#include "custom_ops/base/bfloat16.h"

namespace tfsparse {

struct AttentionShape {
  int64_t batch, heads, kv_heads, queries, keys, head_size, value_head_size;
};

// What masks there are. Shapes are those of {B, H, T, S}, 0 for the axis's size and 1 for one.
struct Masking {
  const char* name;
  std::vector<int> bias, mask;  // empty: none
  bool causal = false;
  int64_t offset = 0;
  bool replaces = false;
  float value = -1e9f;
  bool bias_first = true;
  float soft_cap = 0;
  double kept = 0.6;  // the share of true elements of a mask
};

class AttentionProblem {
 public:
  AttentionProblem(const AttentionShape& shape, const Masking& masking, AttentionCompute compute,
                   bool is_u8, unsigned seed, bool has_exact_bytes = false)
      : shape_(shape),
        bf16_(compute == AttentionCompute::kBFloat16),
        rounds_scores_(bf16_ && !(is_u8 && has_exact_bytes)),
        random_(seed) {
    FillCall(masking);
    FillTensors(is_u8);
    FillMasks(masking);
  }
  AttentionProblem(const AttentionProblem&) = delete;

  // Of heads that lie as those of a merged product do, but for y.
  const AttentionCall& call() const { return call_; }
  int64_t y_size() const {
    return shape_.batch * shape_.heads * shape_.queries * shape_.value_head_size;
  }
  int64_t YAt(int64_t b, int64_t h, int64_t t, int64_t d) const {
    return Element(call_.y_view, b, h, t) + d;
  }

  // y of a query, and how far from it each element may lie.
  void Expected(int64_t b, int64_t h, int64_t t, std::vector<double>* y,
                std::vector<double>* bound) const;

 private:
  static int64_t Element(const HeadsView& view, int64_t b, int64_t h, int64_t t) {
    return view.offset + b * view.batch + h * view.head + t * view.token;
  }
  static int64_t Element(const ScoreView& view, int64_t b, int64_t h, int64_t t, int64_t s) {
    return b * view.batch + h * view.head + t * view.query + s * view.key;
  }

  void FillCall(const Masking& masking);
  void FillTensors(bool is_u8);
  void FillMasks(const Masking& masking);
  ScoreView View(const std::vector<int>& axes, int64_t* size) const;
  const void* Random(bool is_u8, int64_t size, std::vector<float>* floats,
                     std::vector<uint8_t>* bytes);

  double Operand(double value) const {
    return bf16_ ? RoundToBFloat16(static_cast<float>(value)).ToFloat() : value;
  }
  static double Read(const void* data, bool is_u8, const Affine& affine, int64_t element) {
    if (!is_u8) return static_cast<const float*>(data)[element];
    const int q = static_cast<const uint8_t*>(data)[element];
    return static_cast<double>(affine.scale * static_cast<float>(q - affine.zero_point));
  }
  float Score(int64_t b, int64_t h, int64_t t, int64_t s, double* error) const;

  const AttentionShape shape_;
  const bool bf16_, rounds_scores_;
  std::mt19937 random_;
  AttentionCall call_;
  std::vector<float> floats_[3], bias_;
  std::vector<uint8_t> bytes_[3], mask_;
};

inline void AttentionProblem::FillCall(const Masking& masking) {
  const AttentionShape& s = shape_;
  call_.batch = s.batch;
  call_.heads = s.heads;
  call_.kv_heads = s.kv_heads;
  call_.queries = s.queries;
  call_.keys = s.keys;
  call_.head_size = s.head_size;
  call_.value_head_size = s.value_head_size;
  call_.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(s.head_size)));
  call_.soft_cap = masking.soft_cap;
  call_.causal = masking.causal;
  call_.causal_offset = masking.offset;
  call_.bias_first = masking.bias_first;
  call_.replaces = masking.replaces;
  call_.masked_value = masking.value;
  call_.y_view.token = s.heads * s.value_head_size;
  call_.y_view.head = s.value_head_size;
  call_.y_view.batch = s.queries * call_.y_view.token;
}

// Rows have channels before, between and behind the heads.
inline void AttentionProblem::FillTensors(bool is_u8) {
  const AttentionShape& s = shape_;
  call_.is_u8 = is_u8;
  const struct {
    HeadsView* view;
    int64_t heads, tokens, size, gap;
    const void** data;
    Affine* affine;
  } tensors[] = {
      {&call_.query_view, s.heads, s.queries, s.head_size, 0, &call_.query, &call_.query_affine},
      {&call_.key_view, s.kv_heads, s.keys, s.head_size, 3, &call_.key, &call_.key_affine},
      {&call_.value_view, s.kv_heads, s.keys, s.value_head_size, 1, &call_.value,
       &call_.value_affine},
  };
  for (int i = 0; i < 3; ++i) {
    const auto& t = tensors[i];
    t.view->offset = t.gap;
    t.view->head = t.size + t.gap;
    t.view->token = t.heads * t.view->head + t.gap;
    t.view->batch = t.view->token * t.tokens;
    *t.data = Random(is_u8, s.batch * t.view->batch, &floats_[i], &bytes_[i]);
    *t.affine = {0.013f + 0.002f * static_cast<float>(i), 120 + i};
  }
}

inline const void* AttentionProblem::Random(bool is_u8, int64_t size, std::vector<float>* floats,
                                            std::vector<uint8_t>* bytes) {
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < size; ++i) {
    if (is_u8) {
      bytes->push_back(static_cast<uint8_t>(random_() % 256));
    } else {
      floats->push_back(normal(random_));
    }
  }
  return is_u8 ? static_cast<const void*>(bytes->data()) : floats->data();
}

inline ScoreView AttentionProblem::View(const std::vector<int>& axes, int64_t* size) const {
  const int64_t sizes[4] = {shape_.batch, shape_.heads, shape_.queries, shape_.keys};
  std::vector<int64_t> shape;
  const size_t missing = 4 - axes.size();
  for (size_t i = 0; i < axes.size(); ++i) {
    shape.push_back(axes[i] == 1 ? 1 : sizes[missing + i]);
  }
  *size = 1;
  for (int64_t each : shape) *size *= each;
  ScoreView view;
  if (!ViewScores("mask", shape, sizes, &view).ok()) std::abort();
  return view;
}

inline void AttentionProblem::FillMasks(const Masking& masking) {
  int64_t size;
  if (!masking.bias.empty()) {
    call_.bias_view = View(masking.bias, &size);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < size; ++i) bias_.push_back(normal(random_));
    call_.bias = bias_.data();
  }
  if (!masking.mask.empty()) {
    call_.mask_view = View(masking.mask, &size);
    std::bernoulli_distribution keep(masking.kept);
    for (int64_t i = 0; i < size; ++i) mask_.push_back(keep(random_) ? 1 + random_() % 255 : 0);
    call_.mask = mask_.data();
  }
}

// The score as a float, and its error: rounding of each product and sum (Higham, Accuracy and
// Stability of Numerical Algorithms, section 3.1) and of the steps behind.
inline float AttentionProblem::Score(int64_t b, int64_t h, int64_t t, int64_t s,
                                     double* error) const {
  const AttentionCall& c = call_;
  const int64_t q = Element(c.query_view, b, h, t);
  const int64_t k = Element(c.key_view, b, h / (c.heads / c.kv_heads), s);
  double sum = 0, magnitude = 0;
  for (int64_t d = 0; d < c.head_size; ++d) {
    // Scaled in float, and then rounded.
    const double a = static_cast<float>(Read(c.query, c.is_u8, c.query_affine, q + d)) * c.scale;
    const double of_key = Read(c.key, c.is_u8, c.key_affine, k + d);
    const double product = rounds_scores_ ? Operand(a) * Operand(of_key) : a * of_key;
    sum += product;
    magnitude += std::abs(product);
  }
  constexpr double kUnit = 0x1p-24;
  *error = static_cast<double>(c.head_size + 3) * kUnit * magnitude;
  if (c.soft_cap > 0) sum = c.soft_cap * std::tanh(sum / c.soft_cap);
  auto score = static_cast<float>(sum);
  const float bias = c.bias == nullptr ? 0 : c.bias[Element(c.bias_view, b, h, t, s)];
  const bool keep = (c.mask == nullptr || c.mask[Element(c.mask_view, b, h, t, s)] != 0) &&
                    (!c.causal || s <= t + c.causal_offset);
  if (c.bias_first) score += bias;
  if (!keep) score = c.replaces ? c.masked_value : score + c.masked_value;
  if (!c.bias_first) score += bias;
  // tanh has 3e-7 of itself.
  *error += kUnit * (std::abs(bias) + 8 * std::abs(sum) + 1);
  return score;
}

inline void AttentionProblem::Expected(int64_t b, int64_t h, int64_t t, std::vector<double>* y,
                                       std::vector<double>* bound) const {
  const AttentionCall& c = call_;
  y->assign(c.value_head_size, 0);
  bound->assign(c.value_head_size, 0);
  if (c.keys == 0) return;
  std::vector<float> scores(c.keys);
  double greatest = -std::numeric_limits<double>::infinity(), worst = 0, error, sum = 0;
  for (int64_t s = 0; s < c.keys; ++s) {
    scores[s] = Score(b, h, t, s, &error);
    greatest = std::max(greatest, double{scores[s]});
    worst = std::max(worst, error);
  }
  const int64_t kv_head = h / (c.heads / c.kv_heads);
  // Of an exponential: its score's error and its own, which attention_exponent.h states.
  const double of_exp = worst + (bf16_ ? 1.1e-4 : 2.5e-7);
  double sum_error = 0;
  for (int64_t s = 0; s < c.keys; ++s) {
    const double x = double{scores[s]} - greatest, p = std::exp(x);
    const double error_of_p = x > -100 ? p * (of_exp - 1.5e-8 * x) : 0;
    sum += p;
    sum_error += error_of_p;
    const int64_t v = Element(c.value_view, b, kv_head, s);
    for (int64_t d = 0; d < c.value_head_size; ++d) {
      const double value = Operand(Read(c.value, c.is_u8, c.value_affine, v + d));
      (*y)[d] += p * value;
      // Rounding of p, products and sums over keys, and what blocks are multiplied by.
      constexpr double kUnit = 0x1p-24;
      const double steps = static_cast<double>(c.keys + 4 + 8 * (c.keys / kKeyBlock)) * kUnit;
      (*bound)[d] += (error_of_p + p * (2 * steps + (bf16_ ? 0x1p-8 : 0))) * std::abs(value);
    }
  }
  for (int64_t d = 0; d < c.value_head_size; ++d) {
    (*y)[d] /= sum;
    (*bound)[d] = (*bound)[d] / sum + std::abs((*y)[d]) * sum_error / sum;
  }
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PROBLEM_H_
