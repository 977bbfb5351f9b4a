// Tfsparse>GateChannels: the product of squeeze-and-excite, by the kernel of
// custom_ops/conv/scale_shift_channels.h with scales of each image's own.

#include <cstdint>
#include <limits>
#include <string>

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
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

class GateChannelsOp : public OpKernel {
 public:
  explicit GateChannelsOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("Tin", &x_type_));
    OP_REQUIRES_OK(context, context->GetAttr("Tout", &type_));
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsa(&isa_)));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &gate = context->input(3);
    ScaleShiftArgs args;
    float x_scale, y_scale;
    OP_REQUIRES_OK(context,
                   ToAbsl(ReadQuantization(context, 1, "x", &x_scale, &args.x_zero_point)));
    OP_REQUIRES_OK(context,
                   ToAbsl(ReadQuantization(context, 4, "y", &y_scale, &args.y_zero_point)));
    OP_REQUIRES_OK(context, CheckRank({"x"}, x, 4));
    OP_REQUIRES_OK(context, CheckRank({"gate"}, gate, 4));
    OP_REQUIRES(context,
                gate.dim_size(0) == x.dim_size(0) && gate.dim_size(1) == 1 &&
                    gate.dim_size(2) == 1 && gate.dim_size(3) == x.dim_size(3),
                absl::InvalidArgumentError(
                    "`gate` should have one value for each image and channel of `x`. Received: "
                    "gate of shape " +
                    gate.shape().DebugString() + ", x of shape " + x.shape().DebugString()));
    args.channels = x.dim_size(3);
    Tensor scales, *y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_temp(DT_FLOAT, gate.shape(), &scales));
    OP_REQUIRES_OK(context, AllocateOutput(context, 0, x.shape(), &y));
    if (x.NumElements() == 0) return;
    scales.flat<float>() = gate.flat<float>() * (x_type_ == DT_UINT8 ? x_scale : 1.0f);
    args.pixels = x.dim_size(1) * x.dim_size(2);
    args.inv_y_scale = 1 / y_scale;
    const int64_t size = args.pixels * args.channels;
    const Threads threads = IntraOpThreads(context);
    for (int64_t image = 0; image < x.dim_size(0); ++image) {
      args.scale = scales.flat<float>().data() + image * args.channels;
      if (x_type_ == DT_UINT8) {
        args.x_u8 = x.flat<uint8_t>().data() + image * size;
      } else {
        args.x_f32 = x.flat<float>().data() + image * size;
      }
      if (type_ == DT_UINT8) {
        args.y_u8 = y->flat<uint8_t>().data() + image * size;
      } else {
        args.y_f32 = y->flat<float>().data() + image * size;
      }
      ScaleShiftChannels(args, isa_, threads);
    }
  }

 private:
  Isa isa_ = Isa::kPortable;
  DataType x_type_ = DT_UINT8, type_ = DT_UINT8;
};

absl::Status GateShape(InferenceContext* c) {
  ShapeHandle x, gate;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(3), 4, &gate));
  c->set_output(0, x);
  return absl::OkStatus();
}

}  // namespace

void RegisterGateChannels() {
  REGISTER_OP("Tfsparse>GateChannels")
      .Input("x: Tin")
      .Input("x_scale: float")
      .Input("x_zero_point: int32")
      .Input("gate: float")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr("Tin: {uint8, float} = DT_UINT8")
      .Attr("Tout: {uint8, float} = DT_UINT8")
      .SetShapeFn(GateShape)
      .Doc(R"doc(
Multiplies each channel of each image by a number, as squeeze-and-excite does.

y = x_scale * (x - x_zero_point) * gate, or x * gate of a float x itself. NaN stays NaN in a float y,
and is the lowest value of a uint8 one.

x: [N, H, W, C], uint8 of x_scale and x_zero_point, or float.
x_scale, y_scale: Finite and positive.
x_zero_point, y_zero_point: In [0, 255].
gate: [N, 1, 1, C].
y: Of x's shape; uint8 of y_scale and y_zero_point, or float.
)doc");
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>GateChannels").Device(DEVICE_CPU), GateChannelsOp);
}

}  // namespace tfsparse
