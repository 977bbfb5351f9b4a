#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_QUANTIZATION_INPUTS_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_QUANTIZATION_INPUTS_H_

#include <cstdint>
#include <string>

#include "custom_ops/base/status.h"
#include "custom_ops/engine/quantization_checks.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {

// Reads how a tensor in uint8 is to be read: a scale, which is input `scale_at`, and the zero point
// behind it. Fails unless both are scalars in range.
inline Status ReadQuantization(tensorflow::OpKernelContext* context, int scale_at, const char* name,
                               float* scale, int32_t* zero_point) {
  const tensorflow::Tensor& scales = context->input(scale_at);
  const tensorflow::Tensor& zero_points = context->input(scale_at + 1);
  if (scales.dims() != 0 || zero_points.dims() != 0) {
    return Status::Invalid(
        "`", name, "_scale` and `", name, "_zero_point` should be scalars. Received: shapes ",
        scales.shape().DebugString(), " and ", zero_points.shape().DebugString());
  }
  *scale = scales.scalar<float>()();
  *zero_point = zero_points.scalar<int32_t>()();
  if (Status status = CheckScale(std::string(name) + "_scale", *scale); !status.ok()) return status;
  return CheckZeroPoint(std::string(name) + "_zero_point", *zero_point);
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_QUANTIZATION_INPUTS_H_
