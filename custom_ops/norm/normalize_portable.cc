// The definition, bit for bit: normalize_rows.h adds up in the same order.

#include "custom_ops/norm/normalize_portable.h"

#include <cmath>

#include "custom_ops/kernels/quantize.h"

namespace tfsparse {
namespace {

// Of term(element) over a row, in 64 parts that are added up as a tree.
template <class Term>
float SumOf(const float* u, int64_t size, const Term& term) {
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

void NormalizeRow(const NormalizeArgs& args, int64_t row) {
  const int64_t size = args.size, first = row * size;
  const float* u = args.x + first;
  if (args.residual != nullptr || args.sum != nullptr) {
    float* sum = args.sum != nullptr ? args.sum + first : args.scratch;
    for (int64_t i = 0; i < size; ++i) {
      sum[i] = args.residual != nullptr ? u[i] + args.residual[first + i] : u[i];
    }
    u = sum;
  }
  const float count = static_cast<float>(size);
  const float mean = args.centers ? SumOf(u, size, [](float v) { return v; }) / count : 0.0f;
  const float squares = SumOf(u, size, [mean](float v) { return (v - mean) * (v - mean); });
  const float inverse = 1.0f / std::sqrt(squares / count + args.epsilon);
  for (int64_t i = 0; i < size; ++i) {
    const float y = (u[i] - mean) * inverse * args.gamma[i] + args.beta[i];
    if (args.y != nullptr) args.y[first + i] = y;
    if (args.y_u8 != nullptr) {
      args.y_u8[first + i] = QuantizeU8(y, args.inv_y_scale, args.y_zero_point);
    }
  }
}

}  // namespace

void NormalizePortable(const NormalizeArgs& args) {
  for (int64_t row = 0; row < args.rows; ++row) NormalizeRow(args, row);
}

}  // namespace tfsparse
