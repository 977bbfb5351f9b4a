// Tfsparse>ScaleShiftChannels and Tfsparse>ChannelMeans: custom_ops/conv/
// scale_shift_channels.h and channel_means.h.

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "custom_ops/conv/channel_means.h"
#include "custom_ops/conv/scale_shift_channels.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/output_buffers.h"
#include "custom_ops/tf_ops/quantization_inputs.h"
#include "custom_ops/tf_ops/registration.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {
namespace {

using ::tensorflow::DataType;
using ::tensorflow::DEVICE_CPU;
using ::tensorflow::DT_FLOAT;
using ::tensorflow::DT_UINT8;
using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

class ScaleShiftChannelsOp : public OpKernel {
 public:
  explicit ScaleShiftChannelsOp(OpKernelConstruction* context) : OpKernel(context) {
    std::string activation;
    OP_REQUIRES_OK(context, context->GetAttr("activation", &activation));
    OP_REQUIRES_OK(context, context->GetAttr("Tout", &type_));
    OP_REQUIRES_OK(context, context->GetAttr("Tin", &x_type_));
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsa(&isa_)));
    if (activation != "linear") low_ = 0;
    if (activation == "relu6") high_ = 6;
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &scale = context->input(3), &shift = context->input(4);
    ScaleShiftArgs args;
    float x_scale, y_scale;
    OP_REQUIRES_OK(context,
                   ToAbsl(ReadQuantization(context, 1, "x", &x_scale, &args.x_zero_point)));
    OP_REQUIRES_OK(context,
                   ToAbsl(ReadQuantization(context, 5, "y", &y_scale, &args.y_zero_point)));
    OP_REQUIRES(context, x.dims() > 0,
                absl::InvalidArgumentError("`x` should have rank 1 or more. Received: shape=[]"));
    args.channels = x.dim_size(x.dims() - 1);
    OP_REQUIRES_OK(context, CheckPerOutput({"scale"}, scale, args.channels, false));
    OP_REQUIRES_OK(context, CheckPerOutput({"shift"}, shift, args.channels, false));
    Tensor both, *y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_temp(DT_FLOAT, TensorShape({args.channels}), &both));
    OP_REQUIRES_OK(context, AllocateOutput(context, 0, x.shape(), &y));
    if (x.NumElements() == 0) return;
    const float factor = x_type_ == DT_UINT8 ? x_scale : 1.0f;
    float* products = both.flat<float>().data();
    for (int64_t c = 0; c < args.channels; ++c) {
      const float one = scale.flat<float>()(c);
      products[c] = factor * one;
      OP_REQUIRES(context, std::isfinite(products[c]),
                  ToAbsl(Status::Invalid(
                      "`scale` should be finite, also times `x_scale`. Received: ", "scale[", c,
                      "]=", one, ", x_scale=", x_scale)));
    }
    args.pixels = x.NumElements() / args.channels;
    if (x_type_ == DT_UINT8) {
      args.x_u8 = x.flat<uint8_t>().data();
    } else {
      args.x_f32 = x.flat<float>().data();
    }
    args.scale = products;
    args.shift = shift.flat<float>().data();
    args.low = low_, args.high = high_;
    args.inv_y_scale = 1 / y_scale;
    if (type_ == DT_UINT8) {
      args.y_u8 = y->flat<uint8_t>().data();
    } else {
      args.y_f32 = y->flat<float>().data();
    }
    ScaleShiftChannels(args, isa_, IntraOpThreads(context));
  }

 private:
  Isa isa_ = Isa::kPortable;
  DataType x_type_ = DT_UINT8, type_ = DT_UINT8;
  float low_ = -std::numeric_limits<float>::infinity();
  float high_ = std::numeric_limits<float>::infinity();
};

absl::Status SameShape(InferenceContext* c) {
  c->set_output(0, c->input(0));
  return absl::OkStatus();
}

absl::Status MeansShape(InferenceContext* c) {
  bool keep_dims;
  ShapeHandle x;
  TF_RETURN_IF_ERROR(c->GetAttr("keep_dims", &keep_dims));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  const auto batch = c->Dim(x, 0), channels = c->Dim(x, 3), one = c->MakeDim(1);
  c->set_output(
      0, keep_dims ? c->MakeShape({batch, one, one, channels}) : c->MakeShape({batch, channels}));
  return absl::OkStatus();
}

class ChannelMeansOp : public OpKernel {
 public:
  explicit ChannelMeansOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("keep_dims", &keep_dims_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES_OK(context, CheckRank({"x"}, x, 4));
    ChannelMeansCall call;
    OP_REQUIRES_OK(context,
                   ToAbsl(ReadQuantization(context, 1, "x", &call.x_scale, &call.x_zero_point)));
    call.batch = x.dim_size(0), call.channels = x.dim_size(3);
    const bool overflows = __builtin_mul_overflow(x.dim_size(1), x.dim_size(2), &call.pixels);
    OP_REQUIRES(
        context, !overflows && call.pixels <= kMaxMeanPixels,
        absl::InvalidArgumentError("`x` should have at most " + std::to_string(kMaxMeanPixels) +
                                   " pixels. Received: shape=" + x.shape().DebugString()));
    TensorShape shape({call.batch});
    if (keep_dims_) {
      OP_REQUIRES_OK(context, shape.AddDimWithStatus(1));
      OP_REQUIRES_OK(context, shape.AddDimWithStatus(1));
    }
    OP_REQUIRES_OK(context, shape.AddDimWithStatus(call.channels));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, AllocateOutput(context, 0, shape, &y));
    call.x = x.flat<uint8_t>().data();
    call.y = y->flat<float>().data();
    ChannelMeans(call, IntraOpThreads(context));
  }

 private:
  bool keep_dims_ = false;
};

}  // namespace

void RegisterChannelOps() {
  REGISTER_OP("Tfsparse>ScaleShiftChannels")
      .Input("x: Tin")
      .Input("x_scale: float")
      .Input("x_zero_point: int32")
      .Input("scale: float")
      .Input("shift: float")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr("Tin: {uint8, float} = DT_UINT8")
      .Attr("Tout: {uint8, float} = DT_UINT8")
      .Attr("activation: {'linear', 'relu', 'relu6'} = 'linear'")
      .SetShapeFn(SameShape)
      .Doc(R"doc(
Scales and shifts the channels of images, as BatchNorm does, and applies an activation.

y = activation(x_scale * (x - x_zero_point) * scale + shift), or of a float x itself. NaN stays
NaN in a float y, and is the lowest value of a uint8 one.

x: [..., C], uint8 of x_scale and x_zero_point, or float.
x_scale, y_scale: Finite and positive.
x_zero_point, y_zero_point: In [0, 255].
scale, shift: [C], finite.
y: Of x's shape; uint8 of y_scale and y_zero_point, or float.
)doc");
  REGISTER_OP("Tfsparse>ChannelMeans")
      .Input("x: uint8")
      .Input("x_scale: float")
      .Input("x_zero_point: int32")
      .Output("y: float")
      .Attr("keep_dims: bool = false")
      .SetShapeFn(MeansShape)
      .Doc(R"doc(
The mean of each channel of uint8 images, over all pixels.

x: [N, H, W, C].
x_scale: Finite and positive.
x_zero_point: In [0, 255].
y: [N, C], or [N, 1, 1, C] with keep_dims. NaN where there are no pixels.
)doc");
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>ScaleShiftChannels").Device(DEVICE_CPU),
                          ScaleShiftChannelsOp);
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>ChannelMeans").Device(DEVICE_CPU), ChannelMeansOp);
}

}  // namespace tfsparse
