#include "custom_ops/engine/quantization_checks.h"

#include <cmath>

#include "custom_ops/base/float_text.h"

namespace tfsparse {

Status CheckScale(const std::string& name, float scale) {
  if (std::isfinite(scale) && scale >= kMinScale) return {};
  if (IsSubnormal(scale)) {
    return Status::Invalid("`", name, "` should be finite, positive and at least ", kMinScale, ". ",
                           kTooSmall, ". Received: ", FloatText(scale));
  }
  return Status::Invalid("`", name, "` should be finite and positive. Received: ", scale);
}

Status CheckZeroPoint(const std::string& name, int32_t zero_point) {
  if (zero_point >= 0 && zero_point <= 255) return {};
  return Status::Invalid("`", name, "` should be in [0, 255]. Received: ", zero_point);
}

}  // namespace tfsparse
