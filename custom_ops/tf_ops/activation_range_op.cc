// Tfsparse>ActivationRange: what custom_ops/calibration/activation_range.h measures.

#include "custom_ops/calibration/activation_range.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/registration.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {
namespace {

using ::tensorflow::DEVICE_CPU;
using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::shape_inference::InferenceContext;

absl::Status TwoScalars(InferenceContext* c) {
  c->set_output(0, c->Scalar());
  c->set_output(1, c->Scalar());
  return absl::OkStatus();
}

class ActivationRangeOp : public OpKernel {
 public:
  explicit ActivationRangeOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsa(&isa_)));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    Tensor *scale = nullptr, *zero_point = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &scale));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({}), &zero_point));
    const ActivationParams params = ParamsOf(
        MeasureRange(x.flat<float>().data(), x.NumElements(), isa_, IntraOpThreads(context)));
    scale->scalar<float>()() = params.scale;
    zero_point->scalar<int32_t>()() = params.zero_point;
  }

 private:
  Isa isa_ = Isa::kPortable;
};

}  // namespace

void RegisterActivationRange() {
  REGISTER_OP("Tfsparse>ActivationRange")
      .Input("x: float")
      .Output("scale: float")
      .Output("zero_point: int32")
      .SetShapeFn(TwoScalars)
      .Doc(R"doc(
Scale and zero point by which activations are read as uint8, from their min and greatest value.

The range is widened to include 0, and values that are not finite are left out of it. One without
extent gives scale 1 and zero point 0.

x: Of any shape.
scale: (greatest - min) / 255.
zero_point: round(-min / scale), in [0, 255].
)doc");
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>ActivationRange").Device(DEVICE_CPU), ActivationRangeOp);
}

}  // namespace tfsparse
