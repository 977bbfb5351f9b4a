#include "benchmarks/attention_case.h"

#include <cmath>
#include <memory>
#include <random>

#include "benchmarks/onednn_attention.h"
#include "benchmarks/onednn_dense.h"
#include "benchmarks/thread_pool.h"
#include "benchmarks/timing.h"
#include "custom_ops/attention/attention.h"
#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/norm/normalization.h"

namespace tfsparse {
namespace {

constexpr double kSeconds = 0.4;  // measured per case, both sides together

void FillNormal(AlignedBuffer<float>* buffer, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < buffer->size(); ++i) buffer->data()[i] = normal(random);
}

Status Compare(const AlignedBuffer<float>& ours, const AlignedBuffer<float>& theirs, float bound) {
  for (int64_t i = 0; i < ours.size(); ++i) {
    if (!(std::abs(ours.data()[i] - theirs.data()[i]) <= bound)) {
      return Status::Invalid("wrong result at element ", i, ": oneDNN has ", theirs.data()[i],
                             ", received ", ours.data()[i]);
    }
  }
  return {};
}

struct AttentionData {
  explicit AttentionData(const AttentionCase& c)
      : size(c.batch * c.length * c.heads * c.head_size),
        query(size),
        key(size),
        value(size),
        y(size),
        y_onednn(size),
        bytes(size),
        mask(c.batch * c.length * c.length) {
    FillNormal(&query, 1);
    FillNormal(&key, 2);
    FillNormal(&value, 3);
    std::fill_n(mask.data(), mask.size(), uint8_t{1});
  }

  AttentionCall Call(const AttentionCase& c) {
    AttentionCall call;
    call.batch = c.batch;
    call.heads = call.kv_heads = c.heads;
    call.queries = call.keys = c.length;
    call.head_size = call.value_head_size = c.head_size;
    call.query = query.data(), call.key = key.data(), call.value = value.data();
    const int64_t channels = c.heads * c.head_size;
    call.query_view = {0, c.length * channels, channels, c.head_size};
    call.key_view = call.value_view = call.y_view = call.query_view;
    call.scale = 1 / std::sqrt(static_cast<float>(c.head_size));
    if (c.padding || c.pairs) call.mask = mask.data();
    if (c.padding) call.mask_view = {c.length, 0, 0, 1};
    if (c.pairs) call.mask_view = {c.length * c.length, 0, c.length, 1};
    call.y_is_u8 = c.y_is_u8;
    call.y = c.y_is_u8 ? static_cast<void*>(bytes.data()) : y.data();
    call.y_scale = 0.02f;
    call.y_zero_point = 128;
    return call;
  }

  int64_t size;
  AlignedBuffer<float> query, key, value, y, y_onednn;
  AlignedBuffer<uint8_t> bytes, mask;
};

}  // namespace

Status RunAttentionCase(const AttentionCase& c, AttentionResult* result) {
  AttentionData data(c);
  const AttentionCall call = data.Call(c);
  if (Status status = ValidateAttention(call); !status.ok()) return status;
  const AttentionKernel kernel = ChooseAttention(FastestForBf16(c.isa), c.compute);
  ThreadPool pool(c.threads);
  const Threads threads = pool.threads();
  SetOneDnnThreads(c.threads);
  const auto baseline = OneDnnAttention::F32(c.batch, c.heads, c.length, c.head_size, call.scale);
  const auto ours = [&] { RunAttention(call, kernel, threads); };
  const auto theirs = [&] {
    baseline->Run(data.query.data(), data.key.data(), data.value.data(), data.y_onednn.data());
  };
  ours();
  theirs();
  if (!c.y_is_u8) {
    const float bound = c.compute == AttentionCompute::kFloat32 ? 2e-5f : 5e-2f;
    if (Status status = Compare(data.y, data.y_onednn, bound); !status.ok()) return status;
  }
  const auto ms = TimeInTurns<2>({ours, theirs}, kSeconds);
  result->ms = ms[0], result->onednn_ms = ms[1];
  const double products =
      static_cast<double>(c.batch * c.heads * c.length * c.length * 2 * c.head_size);
  result->gops = 2e-6 * products / result->ms;
  return {};
}

std::vector<AttentionCase> StandardAttentionCases() {
  std::vector<AttentionCase> cases;
  const auto add = [&](const char* name, int64_t batch, int64_t heads, int64_t length,
                       int64_t head_size) {
    AttentionCase c;
    c.name = name, c.batch = batch, c.heads = heads, c.length = length, c.head_size = head_size;
    cases.push_back(c);
    c.compute = AttentionCompute::kBFloat16;
    cases.push_back(c);
  };
  add("BERT mini", 1, 4, 128, 64);
  add("BERT base", 1, 12, 128, 64);
  add("BERT base", 8, 12, 128, 64);
  add("BERT base", 1, 12, 384, 64);
  add("ViT-B/16", 1, 12, 197, 64);
  add("GPT-2", 1, 12, 1024, 64);
  add("80 channels", 1, 8, 128, 80);
  add("128 channels", 1, 8, 512, 128);
  add("short", 8, 12, 16, 64);
  AttentionCase mini = cases[0];
  mini.padding = true;
  cases.push_back(mini);
  mini.padding = false, mini.pairs = true;
  cases.push_back(mini);
  mini.pairs = false, mini.y_is_u8 = true;
  cases.push_back(mini);
  return cases;
}

Status RunNormalizationCase(const NormalizationCase& c, NormalizationResult* result) {
  const int64_t size = c.rows * c.size;
  AlignedBuffer<float> x(size), residual(size), gamma(c.size), beta(c.size), y(size),
      y_onednn(size);
  AlignedBuffer<uint8_t> bytes(size);
  int seed = 1;
  for (AlignedBuffer<float>* each : {&x, &residual, &gamma, &beta}) FillNormal(each, seed++);
  NormalizationCall call;
  call.rows = c.rows, call.size = c.size, call.epsilon = 1e-12f;
  call.x = x.data(), call.gamma = gamma.data(), call.beta = beta.data();
  if (c.residual) call.residual = residual.data();
  if (c.y_is_u8) call.y_u8 = bytes.data();
  if (!c.y_is_u8) call.y = y.data();
  call.y_scale = 0.03f, call.y_zero_point = 128;
  if (Status status = ValidateNormalization(call); !status.ok()) return status;
  SetOneDnnThreads(1);
  const auto baseline = OneDnnLayerNorm::F32(c.rows, c.size, call.epsilon);
  const auto ours = [&] { Normalize(call, c.isa, Threads()); };
  const auto theirs = [&] { baseline->Run(x.data(), gamma.data(), beta.data(), y_onednn.data()); };
  ours();
  theirs();
  if (!c.residual && !c.y_is_u8) {
    if (Status status = Compare(y, y_onednn, 1e-4f); !status.ok()) return status;
  }
  const auto ms = TimeInTurns<2>({ours, theirs}, kSeconds / 4);
  result->us = 1000 * ms[0], result->onednn_us = 1000 * ms[1];
  return {};
}

std::vector<NormalizationCase> StandardNormalizationCases() {
  std::vector<NormalizationCase> cases;
  for (int64_t size : {256, 768, 1024}) {
    for (const auto& [residual, u8] : {std::pair(false, false), {true, false}, {true, true}}) {
      NormalizationCase c;
      c.size = size, c.residual = residual, c.y_is_u8 = u8;
      cases.push_back(c);
    }
  }
  return cases;
}

}  // namespace tfsparse
