#include "custom_ops/matmul/matmul_call.h"

#include <cmath>

namespace tfsparse {
namespace {

Status CheckScale(const char* name, float scale) {
  if (std::isfinite(scale) && scale > 0 && std::isfinite(1 / scale)) return {};
  return Status::Invalid("`", name, "` should be finite and positive. Received: ", scale);
}

Status CheckZeroPoint(const char* name, int32_t zero_point) {
  if (zero_point >= 0 && zero_point <= 255) return {};
  return Status::Invalid("`", name, "` should be in [0, 255]. Received: ", zero_point);
}

}  // namespace

Status CheckSizes(const MatmulCall& call, int64_t in, int64_t out) {
  int64_t product;
  if (__builtin_mul_overflow(call.rows, in, &product) ||
      __builtin_mul_overflow(product, out, &product)) {
    return Status::Invalid("rows x inputs x outputs should fit in 64 bits. Received: ", call.rows,
                           " x ", in, " x ", out);
  }
  return {};
}

Status CheckQuantization(const MatmulCall& call, int64_t out) {
  for (const Status& status :
       {CheckScale("x_scale", call.x_scale), CheckScale("y_scale", call.y_scale),
        CheckZeroPoint("x_zero_point", call.x_zero_point),
        CheckZeroPoint("y_zero_point", call.y_zero_point)}) {
    if (!status.ok()) return status;
  }
  const float unit = 1 / call.y_scale;
  for (int64_t n = 0; n < out; ++n) {
    const float scale = call.w_scale[n];
    const float product = scale * call.x_scale;
    if (!(scale > 0 && std::isfinite(product) && std::isfinite(product * unit))) {
      return Status::Invalid(
          "`w_scale` should be positive, and finite also times `x_scale` / `y_scale`. "
          "Received: w_scale[",
          n, "]=", scale, ", x_scale=", call.x_scale, ", y_scale=", call.y_scale);
    }
  }
  return {};
}

}  // namespace tfsparse
