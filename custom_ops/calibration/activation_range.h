#ifndef TFSPARSE_CUSTOM_OPS_CALIBRATION_ACTIVATION_RANGE_H_
#define TFSPARSE_CUSTOM_OPS_CALIBRATION_ACTIVATION_RANGE_H_

// How activations are read as uint8 where their range is not known before they exist. The rule
// is that of `activation_params` in tfsparse/conversion/quantization.py, bit for bit.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/kernels/range/range.h"

namespace tfsparse {

// scale * (q - zero_point) with q in [0, 255].
struct ActivationParams {
  float scale = 1;
  int32_t zero_point = 0;
};

// Of 0 and those values that are finite.
Range MeasureRange(const float* x, int64_t count, Isa isa, const Threads& threads);

// For values in a range. One without extent, or with so little that the inverse of the scale would
// overflow, gives scale 1 and zero point 0: all values are read as 0.
ActivationParams ParamsOf(const Range& range);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CALIBRATION_ACTIVATION_RANGE_H_
