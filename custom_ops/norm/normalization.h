#ifndef TFSPARSE_CUSTOM_OPS_NORM_NORMALIZATION_H_
#define TFSPARSE_CUSTOM_OPS_NORM_NORMALIZATION_H_

// LayerNorm and RMSNorm over the last axis, with the residual that is added before and the uint8
// that is wanted after, in one pass over memory:
//
//   u = x + residual
//   LayerNorm  y = (u - mean u) / sqrt(mean (u - mean u)^2 + epsilon) * gamma + beta
//   RMSNorm    y = u / sqrt(mean u^2 + epsilon) * gamma + beta
//
// Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450; Zhang and Sennrich, "Root Mean
// Square Layer Normalization", arXiv:1910.07467.
//
// Error against float64: see normalization_test.cc. The same bits on every instruction set.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/norm/normalize_args.h"

namespace tfsparse {

struct NormalizationCall {
  int64_t rows = 0, size = 0;
  bool centers = true;  // LayerNorm; else RMSNorm
  float epsilon = 1e-3f;
  const float* x = nullptr;
  const float* residual = nullptr;  // or null
  const float* gamma = nullptr;     // [size], or null
  const float* beta = nullptr;      // [size], or null
  float y_scale = 1;                // of y_u8
  int32_t y_zero_point = 0;
  float* y = nullptr;  // these three: or null
  uint8_t* y_u8 = nullptr;
  float* sum = nullptr;  // x + residual
};

// Fails where a value is out of range.
Status ValidateNormalization(const NormalizationCall& call);

// Runs a call that has been validated. Throws std::bad_alloc.
void Normalize(const NormalizationCall& call, Isa isa, const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_NORM_NORMALIZATION_H_
