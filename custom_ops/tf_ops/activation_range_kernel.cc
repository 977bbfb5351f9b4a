// Tfsparse>ActivationRange: how activations are read as uint8 where their range is not known before
// they exist. The rule is that of `activation_params` in tfsparse/conversion/quantization.py.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "custom_ops/tf_ops/op_inputs.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {
namespace {

using ::tensorflow::DEVICE_CPU;
using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

struct Range {
  float least = 0, greatest = 0;  // includes 0

  void Include(const Range& other) {
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
  }
};

// Branchless, so that it vectorises. A comparison with NaN is false, and leaves it out.
Range FindRange(const float* x, int64_t count) {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr int kLanes = 32;
  float least[kLanes] = {}, greatest[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane];
      const float finite = std::fabs(value) <= kMax ? value : 0.0f;
      least[lane] = finite < least[lane] ? finite : least[lane];
      greatest[lane] = finite > greatest[lane] ? finite : greatest[lane];
    }
  }
  Range range;
  for (int lane = 0; lane < kLanes; ++lane) range.Include({least[lane], greatest[lane]});
  for (; i < count; ++i) {
    if (std::fabs(x[i]) <= kMax) range.Include({x[i], x[i]});
  }
  return range;
}

class ActivationRangeOp : public OpKernel {
 public:
  explicit ActivationRangeOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    Tensor *scale = nullptr, *zero_point = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &scale));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({}), &zero_point));
    const Range range = FindRange(x.flat<float>().data(), x.NumElements());
    // Subtracted as double, as the rule says: the extent may exceed float.
    const double least = range.least, extent = double{range.greatest} - least;
    const float step = static_cast<float>(extent / 255);
    const bool usable = step >= std::numeric_limits<float>::min();
    scale->scalar<float>()() = usable ? step : 1.0f;
    zero_point->scalar<int32_t>()() =
        usable ? static_cast<int32_t>(std::clamp(std::rint(-least / step), 0.0, 255.0)) : 0;
  }
};

REGISTER_KERNEL_BUILDER(Name("Tfsparse>ActivationRange").Device(DEVICE_CPU), ActivationRangeOp);

}  // namespace
}  // namespace tfsparse
