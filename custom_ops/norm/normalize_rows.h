#ifndef TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ROWS_H_
#define TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ROWS_H_

// Rows normalized over a vector type.
//
// A row is read three times while it is in cache: for its mean, for the variance about that mean,
// and to be written. Each pass takes a few short rows, one after the other: a row's sums, square
// root and division are chains of dependent operations, and those of several rows run at the same
// time. The variance is not E[u^2] - E[u]^2, which loses all digits where the mean is large beside
// the deviation.
//
// Sums are kept in 64 parts, in registers, and added up as a tree. That order and the absence of
// fused operations (-ffp-contract=off) make the same bits of the same row on every instruction set.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/norm/normalize_args.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// 64 parts of a sum.
template <class Vec>
struct Parts {
  static constexpr int kRegisters = 64 / Vec::kLanes;

  TFSPARSE_INLINE Parts() {
    for (auto& part : parts) part = Vec::Broadcast(0.0f);
  }
  TFSPARSE_INLINE void Add(int i, typename Vec::F32 v) { parts[i] = Vec::Add(parts[i], v); }
  TFSPARSE_INLINE float Sum() {
    for (int half = kRegisters / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) parts[i] = Vec::Add(parts[i], parts[i + half]);
    }
    return Vec::SumOfLanes(parts[0]);
  }

  typename Vec::F32 parts[kRegisters];
};

// Calls each(register of 64 elements, first element, elements left) over a row.
template <class Vec, class Each>
TFSPARSE_INLINE void ForRow(int64_t size, const Each& each) {
  constexpr int L = Vec::kLanes, kRegisters = Parts<Vec>::kRegisters;
  int64_t i = 0;
  for (; i + 64 <= size; i += 64) {
#pragma GCC unroll 8
    for (int r = 0; r < kRegisters; ++r) each(r, i + r * L, int64_t{L});
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRegisters; ++r) {
    if (i + r * L < size) each(r, i + r * L, size - i - r * L);
  }
}

// The sum of a row of u = x + residual, which is stored if it does not lie in memory.
template <class Vec, bool kResidual, bool kStores>
TFSPARSE_INLINE float SumRow(const float* x, const float* residual, int64_t size, float* u) {
  Parts<Vec> parts;
  ForRow<Vec>(size, [&](int r, int64_t i, int64_t left) {
    auto v = Vec::LoadSome(x + i, left);
    if (kResidual) v = Vec::Add(v, Vec::LoadSome(residual + i, left));
    if (kStores) Vec::StoreSome(u + i, v, left);
    parts.Add(r, v);
  });
  return parts.Sum();
}

template <class Vec>
TFSPARSE_INLINE float SumSquares(const float* u, float mean, int64_t size) {
  Parts<Vec> parts;
  const auto means = Vec::Broadcast(mean);
  ForRow<Vec>(size, [&](int r, int64_t i, int64_t left) {
    const auto v = Vec::Subtract(Vec::LoadOr(u + i, left, means), means);
    parts.Add(r, Vec::Multiply(v, v));
  });
  return parts.Sum();
}

template <class Vec, bool kFloat, bool kBytes>
TFSPARSE_INLINE void WriteRow(const NormalizeArgs& args, const float* u, float mean, float inverse,
                              int64_t first) {
  const auto means = Vec::Broadcast(mean), inverses = Vec::Broadcast(inverse);
  const auto inv_scale = Vec::Broadcast(args.inv_y_scale);
  const auto low = Vec::Broadcast(static_cast<float>(-args.y_zero_point));
  const auto high = Vec::Broadcast(static_cast<float>(255 - args.y_zero_point));
  const auto zero_point = Vec::Broadcast(args.y_zero_point);
  ForRow<Vec>(args.size, [&](int, int64_t i, int64_t left) {
    const auto v = Vec::Multiply(Vec::Subtract(Vec::LoadSome(u + i, left), means), inverses);
    const auto y = Vec::Add(Vec::Multiply(v, Vec::LoadSome(args.gamma + i, left)),
                            Vec::LoadSome(args.beta + i, left));
    if (kFloat) Vec::StoreSome(args.y + first + i, y, left);
    if (kBytes) {
      const auto scaled = Vec::Max(Vec::Multiply(y, inv_scale), low);  // low for NaN
      const auto q = Vec::Add(Vec::Round(Vec::Min(scaled, high)), zero_point);
      Vec::StoreBytes(args.y_u8 + first + i, q, left);
    }
  });
}

template <class Vec>
TFSPARSE_INLINE void WriteOutputs(const NormalizeArgs& args, const float* u, float mean,
                                  float inverse, int64_t first) {
  if (args.y == nullptr) {
    WriteRow<Vec, false, true>(args, u, mean, inverse, first);
  } else if (args.y_u8 == nullptr) {
    WriteRow<Vec, true, false>(args, u, mean, inverse, first);
  } else {
    WriteRow<Vec, true, true>(args, u, mean, inverse, first);
  }
}

// Rows [row, row + rows), kRowsTogether of them at the most.
template <class Vec, bool kResidual, bool kStores>
TFSPARSE_INLINE void NormalizeSome(const NormalizeArgs& args, int64_t row, int64_t rows) {
  const int64_t size = args.size;
  const float count = static_cast<float>(size);
  const float* u[kRowsTogether];
  float mean[kRowsTogether], inverse[kRowsTogether];
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t first = (row + r) * size;
    float* stored = nullptr;
    if (kStores) stored = args.sum != nullptr ? args.sum + first : args.scratch + r * size;
    const float* x = args.x + first;
    const float* residual = kResidual ? args.residual + first : nullptr;
    const float sum = SumRow<Vec, kResidual, kStores>(x, residual, size, stored);
    u[r] = kStores ? stored : x;
    mean[r] = args.centers ? sum / count : 0.0f;
  }
  for (int64_t r = 0; r < rows; ++r) {
    const float variance = SumSquares<Vec>(u[r], mean[r], size) / count;
    inverse[r] = 1.0f / __builtin_sqrtf(variance + args.epsilon);
  }
  for (int64_t r = 0; r < rows; ++r) {
    WriteOutputs<Vec>(args, u[r], mean[r], inverse[r], (row + r) * size);
  }
}

template <class Vec, bool kResidual, bool kStores>
void NormalizeAll(const NormalizeArgs& args) {
  const int64_t together = args.size <= kMaxTogether ? kRowsTogether : 1;
  for (int64_t row = 0; row < args.rows; row += together) {
    const int64_t left = args.rows - row;
    NormalizeSome<Vec, kResidual, kStores>(args, row, left < together ? left : together);
  }
}

template <class Vec>
void NormalizeRows(const NormalizeArgs& args) {
  if (args.residual != nullptr) return NormalizeAll<Vec, true, true>(args);
  if (args.sum != nullptr) return NormalizeAll<Vec, false, true>(args);
  NormalizeAll<Vec, false, false>(args);
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ROWS_H_
