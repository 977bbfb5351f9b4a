// Tfsparse>QuantizedDepthwiseConv2D: custom_ops/conv/depthwise.h.

#include <string>

#include "custom_ops/conv/depthwise.h"
#include "custom_ops/engine/isa.h"
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
using ::tensorflow::DT_UINT8;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status DepthwiseShape(InferenceContext* c) {
  WindowAttributes window;
  TF_RETURN_IF_ERROR(window.Read(c, "kernel_size", /*has_dilations=*/true));
  ShapeHandle x, weights, y;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(3), 3, &weights));
  TF_RETURN_IF_ERROR(window.OutputShape(c, x, c->Dim(x, 3), &y));
  c->set_output(0, y);
  return absl::OkStatus();
}

class DepthwiseOp : public OpWithinMemory {
 public:
  explicit DepthwiseOp(OpKernelConstruction* context) : OpWithinMemory(context) {
    OP_REQUIRES_OK(context, window_.Read(context, "kernel_size", /*has_dilations=*/true));
    std::string activation;
    OP_REQUIRES_OK(context, context->GetAttr("activation", &activation));
    OP_REQUIRES_OK(context, ParseActivation(activation, &activation_));
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsa(&isa_)));
  }

 private:
  std::string Needs(OpKernelContext* context) const override {
    return "packed weights and rows of images. Received: x of shape " +
           context->input(0).shape().DebugString();
  }

  absl::Status TryCompute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &weights = context->input(3);
    TF_RETURN_IF_ERROR(CheckRank({"x"}, x, 4));
    DepthwiseCall call;
    call.batch = x.dim_size(0);
    call.height = window_.height(x.dim_size(1));
    call.width = window_.width(x.dim_size(2));
    call.channels = x.dim_size(3);
    TF_RETURN_IF_ERROR(ToAbsl(ValidateDepthwise(call.height, call.width)));
    TF_RETURN_IF_ERROR(CheckRank({"weights"}, weights, 3));
    if (weights.dim_size(0) != call.height.kernel || weights.dim_size(1) != call.width.kernel ||
        weights.dim_size(2) != call.channels) {
      return absl::InvalidArgumentError(
          "`weights` should have the shape of `kernel_size` and the channels of `x`. Received: "
          "weights of shape " +
          weights.shape().DebugString() + ", x of shape " + x.shape().DebugString());
    }
    call.weights = weights.flat<int8_t>().data();
    TF_RETURN_IF_ERROR(FillInputs(context, call.channels, &call.call));
    TensorShape shape;
    for (int64_t size : {call.batch, call.height.out(), call.width.out(), call.channels}) {
      TF_RETURN_IF_ERROR(shape.AddDimWithStatus(size));
    }
    Tensor* y = nullptr;
    TF_RETURN_IF_ERROR(AllocateOutput(context, 0, shape, &y));
    call.call.x.data = x.data();
    call.call.x.is_u8 = x.dtype() == DT_UINT8;
    call.call.y.data = y->data();
    call.call.y.is_u8 = y->dtype() == DT_UINT8;
    return ToAbsl(Depthwise(call, isa_, IntraOpThreads(context)));
  }

  absl::Status FillInputs(OpKernelContext* context, int64_t channels, LayerCall* call) const {
    const Tensor &w_scale = context->input(4), &bias = context->input(5);
    TF_RETURN_IF_ERROR(CheckPerOutput({"w_scale"}, w_scale, channels, /*optional=*/false));
    TF_RETURN_IF_ERROR(CheckPerOutput({"bias"}, bias, channels, /*optional=*/true));
    call->epilogue.activation = activation_;
    call->epilogue.bias = bias.NumElements() == 0 ? nullptr : bias.vec<float>().data();
    call->quantization.w_scale = w_scale.vec<float>().data();
    TF_RETURN_IF_ERROR(ReadScalar(context, "x_scale", &call->quantization.x_scale));
    TF_RETURN_IF_ERROR(ReadScalar(context, "x_zero_point", &call->quantization.x_zero_point));
    TF_RETURN_IF_ERROR(ReadScalar(context, "y_scale", &call->quantization.y_scale));
    return ReadScalar(context, "y_zero_point", &call->quantization.y_zero_point);
  }

  WindowAttributes window_;
  Activation activation_ = Activation::kLinear;
  Isa isa_ = Isa::kPortable;
};

}  // namespace

void RegisterDepthwise() {
  REGISTER_OP("Tfsparse>QuantizedDepthwiseConv2D")
      .Input("x: Tin")
      .Input("x_scale: float")
      .Input("x_zero_point: int32")
      .Input("weights: int8")
      .Input("w_scale: float")
      .Input("bias: float")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr("Tin: {uint8, float} = DT_UINT8")
      .Attr("Tout: {uint8, float} = DT_UINT8")
      .Attr("kernel_size: list(int)")
      .Attr(kStrides)
      .Attr("dilations: list(int) = [1, 1]")
      .Attr(kPaddings)
      .Attr(kPadding)
      .Attr(kActivation)
      .SetShapeFn(DepthwiseShape)
      .Doc(R"doc(
A depthwise convolution of images: a kernel of its own for each channel.

y = activation(x_scale * w_scale * conv(x - x_zero_point, weights) + bias). Sums are exact, and the
result is the same on every instruction set.

x: [N, H, W, C], uint8 of x_scale and x_zero_point, or float, which is quantized so.
x_scale, y_scale: Finite and positive.
x_zero_point, y_zero_point: In [0, 255].
weights: [kernel height, kernel width, C].
w_scale: [C], finite and positive.
bias: [C], or [0] for none.
y: [N, Ho, Wo, C], uint8 of y_scale and y_zero_point, or float.
kernel_size: Height and width of a kernel.
strides, dilations: Along height and width.
paddings: Places at the top, bottom, left and right of x, which stand for zeros.
padding: EXPLICIT takes `paddings`; SAME pads as TensorFlow's SAME does for the size of x, and
  `paddings` are 0.
activation: What is applied to y.
)doc");
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>QuantizedDepthwiseConv2D").Device(DEVICE_CPU),
                          DepthwiseOp);
}

}  // namespace tfsparse
