#ifndef TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ROWS_H_
#define TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ROWS_H_

// Plain code that the compiler turns into the vectors of whichever instruction set it compiles for.
//
// A row is read three times while it is in cache: for its mean, for the variance about that mean,
// and to be written. The variance is not E[u^2] - E[u]^2, which loses all digits where the mean is
// large beside the deviation.
//
// Sums are kept in 64 parts, which the compiler holds in registers, and added up as a tree. That
// order and the absence of fused operations (-ffp-contract=off) make the same bits of the same row
// on every instruction set.

#include <cstdint>

#include "custom_ops/norm/normalize_args.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// Of term(element) over a row.
template <class Term>
TFSPARSE_INLINE float SumOf(const float* u, int64_t size, const Term& term) {
  constexpr int kParts = 64;
  float parts[kParts] = {};
  int64_t i = 0;
  for (; i + kParts <= size; i += kParts) {
    for (int j = 0; j < kParts; ++j) parts[j] += term(u[i + j]);
  }
  for (int j = 0; i + j < size; ++j) parts[j] += term(u[i + j]);
  for (int half = kParts / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) parts[j] += parts[j + half];
  }
  return parts[0];
}

// Half to even; adding and taking away a float whose last bit is the unit does that for |v| < 2^22.
TFSPARSE_INLINE float RoundHalfToEven(float v) {
  constexpr float kShift = 12582912.0f;
  return (v + kShift) - kShift;
}

TFSPARSE_INLINE void Quantize(const NormalizeArgs& args, const float* y, uint8_t* q) {
  const float low = static_cast<float>(-args.y_zero_point);
  const float high = static_cast<float>(255 - args.y_zero_point);
  const float inverse = args.inv_y_scale;
  const int32_t zero_point = args.y_zero_point;
  for (int64_t i = 0; i < args.size; ++i) {
    const float scaled = y[i] * inverse;
    const float above = scaled > low ? scaled : low;  // low for NaN
    const float clamped = above < high ? above : high;
    q[i] = static_cast<uint8_t>(static_cast<int32_t>(RoundHalfToEven(clamped)) + zero_point);
  }
}

TFSPARSE_INLINE void Scale(const NormalizeArgs& args, const float* u, float mean, float inverse,
                           float* __restrict y) {
  const int64_t size = args.size;
  const float* gamma = args.gamma;
  const float* beta = args.beta;
  if (gamma != nullptr && beta != nullptr) {
    for (int64_t i = 0; i < size; ++i) y[i] = (u[i] - mean) * inverse * gamma[i] + beta[i];
  } else if (gamma != nullptr) {
    for (int64_t i = 0; i < size; ++i) y[i] = (u[i] - mean) * inverse * gamma[i];
  } else if (beta != nullptr) {
    for (int64_t i = 0; i < size; ++i) y[i] = (u[i] - mean) * inverse + beta[i];
  } else {
    for (int64_t i = 0; i < size; ++i) y[i] = (u[i] - mean) * inverse;
  }
}

TFSPARSE_INLINE void NormalizeRow(const NormalizeArgs& args, int64_t row) {
  const int64_t size = args.size, first = row * size;
  const float* u = args.x + first;
  if (args.residual != nullptr || args.sum != nullptr) {
    float* __restrict sum = args.sum != nullptr ? args.sum + first : args.scratch;
    const float* x = u;
    if (args.residual != nullptr) {
      const float* residual = args.residual + first;
      for (int64_t i = 0; i < size; ++i) sum[i] = x[i] + residual[i];
    } else {
      for (int64_t i = 0; i < size; ++i) sum[i] = x[i];
    }
    u = sum;
  }
  const float count = static_cast<float>(size);
  const float mean = args.centers ? SumOf(u, size, [](float v) { return v; }) / count : 0.0f;
  const float squares = SumOf(u, size, [mean](float v) { return (v - mean) * (v - mean); });
  const float inverse = 1.0f / __builtin_sqrtf(squares / count + args.epsilon);
  float* y = args.y != nullptr ? args.y + first : args.scratch + size;
  Scale(args, u, mean, inverse, y);
  if (args.y_u8 != nullptr) Quantize(args, y, args.y_u8 + first);
}

TFSPARSE_INLINE void NormalizeRows(const NormalizeArgs& args) {
  for (int64_t row = 0; row < args.rows; ++row) NormalizeRow(args, row);
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ROWS_H_
