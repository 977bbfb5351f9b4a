// Tfsparse>MaxPool2D and Tfsparse>AveragePool2D of uint8 images: custom_ops/conv/pooling.h.

#include <string>

#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/conv/pooling.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/op_within_memory.h"
#include "custom_ops/tf_ops/output_buffers.h"
#include "custom_ops/tf_ops/registration.h"
#include "custom_ops/tf_ops/shared_attributes.h"
#include "custom_ops/tf_ops/window_attributes.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {
namespace {

using ::tensorflow::DEVICE_CPU;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status PoolShape(InferenceContext* c) {
  WindowAttributes window;
  TF_RETURN_IF_ERROR(window.Read(c, "pool_size", /*has_dilations=*/false));
  ShapeHandle x, y;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  TF_RETURN_IF_ERROR(window.OutputShape(c, x, c->Dim(x, 3), &y));
  c->set_output(0, y);
  return absl::OkStatus();
}

template <Pooling kPooling>
class PoolOp : public OpWithinMemory {
 public:
  explicit PoolOp(OpKernelConstruction* context) : OpWithinMemory(context) {
    OP_REQUIRES_OK(context, window_.Read(context, "pool_size", /*has_dilations=*/false));
  }

 private:
  std::string Needs(OpKernelContext* context) const override {
    return "the sums of a window. Received: x of shape " + context->input(0).shape().DebugString();
  }

  absl::Status TryCompute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    TF_RETURN_IF_ERROR(CheckRank({"x"}, x, 4));
    PoolCall call;
    call.pooling = kPooling;
    call.batch = x.dim_size(0);
    call.height = window_.height(x.dim_size(1));
    call.width = window_.width(x.dim_size(2));
    call.channels = x.dim_size(3);
    TF_RETURN_IF_ERROR(ToAbsl(ValidatePooling(call.height, call.width)));
    TensorShape shape;
    for (int64_t size : {call.batch, call.height.out(), call.width.out(), call.channels}) {
      TF_RETURN_IF_ERROR(shape.AddDimWithStatus(size));
    }
    Tensor* y = nullptr;
    TF_RETURN_IF_ERROR(AllocateOutput(context, 0, shape, &y));
    call.x = x.flat<uint8_t>().data();
    call.y = y->flat<uint8_t>().data();
    Pool(call, IntraOpThreads(context));
    return absl::OkStatus();
  }

  WindowAttributes window_;
};

}  // namespace

void RegisterPooling() {
  REGISTER_OP("Tfsparse>MaxPool2D")
      .Input("x: uint8")
      .Output("y: uint8")
      .Attr("pool_size: list(int)")
      .Attr(kStrides)
      .Attr(kPaddings)
      .Attr(kPadding)
      .SetShapeFn(PoolShape)
      .Doc(R"doc(
The maximum of each window of uint8 images. Padding is in no window.

x: [N, H, W, C].
y: [N, Ho, Wo, C], of x's scale and zero point.
pool_size: Height and width of a window.
strides: Along height and width.
paddings: Places at the top, bottom, left and right of x, fewer than a window has.
padding: EXPLICIT takes `paddings`; SAME pads as TensorFlow's SAME does for the size of x, and
  `paddings` are 0.
)doc");
  REGISTER_OP("Tfsparse>AveragePool2D")
      .Input("x: uint8")
      .Output("y: uint8")
      .Attr("pool_size: list(int)")
      .Attr(kStrides)
      .Attr(kPaddings)
      .Attr(kPadding)
      .SetShapeFn(PoolShape)
      .Doc(R"doc(
The average of each window of uint8 images, rounded, half to even. Padding is in no window.

x: [N, H, W, C].
y: [N, Ho, Wo, C], of x's scale and zero point.
pool_size, strides, paddings, padding: As in MaxPool2D.
)doc");
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>MaxPool2D").Device(DEVICE_CPU), PoolOp<Pooling::kMax>);
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>AveragePool2D").Device(DEVICE_CPU),
                          PoolOp<Pooling::kAverage>);
}

}  // namespace tfsparse
