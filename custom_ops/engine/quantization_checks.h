#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_QUANTIZATION_CHECKS_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_QUANTIZATION_CHECKS_H_

#include <cstdint>
#include <limits>
#include <string>

#include "custom_ops/base/status.h"

namespace tfsparse {

// Smaller scales are zeros to TensorFlow's threads, and their reciprocals may be infinite.
inline constexpr float kMinScale = std::numeric_limits<float>::min();
inline constexpr char kTooSmall[] =
    "Smaller floats are subnormal, and TensorFlow computes with them as 0";

// Fails if a scale is not finite and positive, or is subnormal.
Status CheckScale(const std::string& name, float scale);

// Fails if a zero point is not in [0, 255].
Status CheckZeroPoint(const std::string& name, int32_t zero_point);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_QUANTIZATION_CHECKS_H_
