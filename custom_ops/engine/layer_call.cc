#include "custom_ops/engine/layer_call.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "custom_ops/base/float_text.h"
#include "custom_ops/engine/quantization_checks.h"

namespace tfsparse {
namespace {

Status WrongWeightScale(const LayerCall& call, int64_t n) {
  const float scale = call.quantization.w_scale[n];
  if (IsSubnormal(scale)) {
    return Status::Invalid("`w_scale` should be positive and at least ", kMinScale, ". ", kTooSmall,
                           ". Received: w_scale[", n, "]=", FloatText(scale));
  }
  return Status::Invalid(
      "`w_scale` should be positive, and finite also times `x_scale` / `y_scale`. "
      "Received: w_scale[",
      n, "]=", scale, ", x_scale=", call.quantization.x_scale,
      ", y_scale=", call.quantization.y_scale);
}

// Without a branch, so that it vectorises: it is done for each call.
bool AreScalesValid(const float* w_scale, int64_t out, float x_scale, float unit) {
  constexpr float kMax = std::numeric_limits<float>::max();
  int invalid = 0;
  for (int64_t n = 0; n < out; ++n) {
    const float product = w_scale[n] * x_scale;
    invalid |= static_cast<int>(!(w_scale[n] >= kMinScale)) | static_cast<int>(!(product <= kMax)) |
               static_cast<int>(!(product * unit <= kMax));
  }
  return invalid == 0;
}

}  // namespace

Status CheckSizes(const LayerCall& call, int64_t in, int64_t out) {
  constexpr int64_t kBytes = sizeof(float);
  int64_t product;
  if (__builtin_mul_overflow(call.rows, kBytes * std::max<int64_t>(in, 1), &product) ||
      __builtin_mul_overflow(product, out, &product)) {
    return Status::Invalid("4 x rows x inputs x outputs should fit in 64 bits. Received: 4 x ",
                           call.rows, " x ", in, " x ", out);
  }
  return {};
}

Status CheckQuantization(const LayerCall& call, int64_t out) {
  for (const Status& status : {CheckScale("x_scale", call.quantization.x_scale),
                               CheckScale("y_scale", call.quantization.y_scale),
                               CheckZeroPoint("x_zero_point", call.quantization.x_zero_point),
                               CheckZeroPoint("y_zero_point", call.quantization.y_zero_point)}) {
    if (!status.ok()) return status;
  }
  if (call.epilogue.residual.data != nullptr && call.epilogue.residual.is_u8) {
    for (const Status& status :
         {CheckScale("residual_scale", call.epilogue.residual.scale),
          CheckZeroPoint("residual_zero_point", call.epilogue.residual.zero_point)}) {
      if (!status.ok()) return status;
    }
    if (!std::isfinite(255 * call.scale_of_residual())) {
      return Status::Invalid("`residual_scale` x 255 / `y_scale` should be finite. Received: ",
                             "residual_scale=", call.epilogue.residual.scale,
                             ", y_scale=", call.quantization.y_scale);
    }
  }
  const float unit = 1 / call.quantization.y_scale;
  if (AreScalesValid(call.quantization.w_scale, out, call.quantization.x_scale, unit)) return {};
  for (int64_t n = 0; n < out; ++n) {
    const float scale = call.quantization.w_scale[n];
    const float product = scale * call.quantization.x_scale;
    if (!(scale >= kMinScale && std::isfinite(product) && std::isfinite(product * unit))) {
      return WrongWeightScale(call, n);
    }
  }
  return {};
}

}  // namespace tfsparse
