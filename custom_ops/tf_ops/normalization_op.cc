// Tfsparse>Normalization: custom_ops/norm/normalization.h.

#include <string>

#include "custom_ops/engine/isa.h"
#include "custom_ops/norm/normalization.h"
#include "custom_ops/tf_ops/input_ranks.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/op_within_memory.h"
#include "custom_ops/tf_ops/output_buffers.h"
#include "custom_ops/tf_ops/registration.h"
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

// As the shape function and the kernel read them.
struct Attributes {
  template <class Context>
  absl::Status Read(Context* context) {
    TF_RETURN_IF_ERROR(context->GetAttr("kind", &kind));
    TF_RETURN_IF_ERROR(context->GetAttr("epsilon", &epsilon));
    TF_RETURN_IF_ERROR(context->GetAttr("float_y", &outputs[0]));
    TF_RETURN_IF_ERROR(context->GetAttr("uint8_y", &outputs[1]));
    TF_RETURN_IF_ERROR(context->GetAttr("return_sum", &outputs[2]));
    if (kind != "layer" && kind != "rms") {
      return ToAbsl(
          Status::Invalid("`kind` should be 'layer' or 'rms'. Received: kind='", kind, "'"));
    }
    if (outputs[0] || outputs[1]) return absl::OkStatus();
    return ToAbsl(Status::Invalid("`float_y` or `uint8_y` should be true. Received: neither"));
  }

  std::string kind;
  float epsilon;
  bool outputs[3];  // y, y_uint8, sum
};

absl::Status NormalizationShape(InferenceContext* c) {
  Attributes attributes;
  TF_RETURN_IF_ERROR(attributes.Read(c));
  ShapeHandle x;
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(0), 1, &x));
  TF_RETURN_IF_ERROR(CheckInputRanks(c));
  for (int i = 0; i < 3; ++i) c->set_output(i, attributes.outputs[i] ? x : c->MakeShape({0}));
  return absl::OkStatus();
}

// A factor or a summand of each element of a row, or none. Any values, as in TensorFlow.
absl::Status ReadPerElement(const char* name, const Tensor& tensor, int64_t size,
                            const float** data) {
  TF_RETURN_IF_ERROR(CheckRank({name}, tensor, 1));
  *data = tensor.NumElements() == 0 ? nullptr : tensor.flat<float>().data();
  if (tensor.NumElements() == 0 || tensor.NumElements() == size) return absl::OkStatus();
  return ToAbsl(Status::Invalid("`", name, "` should have ", size,
                                " or 0 elements. Received: ", tensor.NumElements()));
}

class NormalizationOp : public OpWithinMemory {
 public:
  explicit NormalizationOp(OpKernelConstruction* context) : OpWithinMemory(context) {
    OP_REQUIRES_OK(context, attributes_.Read(context));
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsa(&isa_)));
  }

 private:
  std::string Needs(OpKernelContext* context) const override {
    return "a row of `x`. Received: shape=" + context->input(0).shape().DebugString();
  }

  absl::Status TryCompute(OpKernelContext* context) override {
    NormalizationCall call;
    call.centers = attributes_.kind == "layer";
    call.epsilon = attributes_.epsilon;
    TF_RETURN_IF_ERROR(FillInputs(context, &call));
    TF_RETURN_IF_ERROR(ToAbsl(ValidateNormalization(call)));
    Tensor* outputs[3];
    for (int i = 0; i < 3; ++i) {
      const TensorShape shape =
          attributes_.outputs[i] ? context->input(0).shape() : TensorShape({0});
      TF_RETURN_IF_ERROR(AllocateOutput(context, i, shape, &outputs[i]));
    }
    if (attributes_.outputs[0]) call.y = outputs[0]->flat<float>().data();
    if (attributes_.outputs[1]) call.y_u8 = outputs[1]->flat<uint8_t>().data();
    if (attributes_.outputs[2]) call.sum = outputs[2]->flat<float>().data();
    Normalize(call, isa_, IntraOpThreads(context));
    return absl::OkStatus();
  }

  static absl::Status FillInputs(OpKernelContext* context, NormalizationCall* call) {
    const Tensor& x = context->input(0);
    if (x.dims() < 1) {
      return ToAbsl(Status::Invalid("`x` should have rank 1 or more. Received: shape=[]"));
    }
    call->size = x.dim_size(x.dims() - 1);
    call->rows = call->size == 0 ? 0 : x.NumElements() / call->size;
    call->x = x.flat<float>().data();
    const Tensor& residual = context->input(1);
    TF_RETURN_IF_ERROR(CheckResidual(residual, x.shape()));
    if (residual.NumElements() > 0) call->residual = residual.flat<float>().data();
    TF_RETURN_IF_ERROR(ReadPerElement("gamma", context->input(2), call->size, &call->gamma));
    TF_RETURN_IF_ERROR(ReadPerElement("beta", context->input(3), call->size, &call->beta));
    TF_RETURN_IF_ERROR(CheckRank({"y_scale"}, context->input(4), 0));
    TF_RETURN_IF_ERROR(CheckRank({"y_zero_point"}, context->input(5), 0));
    call->y_scale = context->input(4).scalar<float>()();
    call->y_zero_point = context->input(5).scalar<int32_t>()();
    return absl::OkStatus();
  }

  Attributes attributes_;
  Isa isa_ = Isa::kPortable;
};

}  // namespace

void RegisterNormalization() {
  REGISTER_OP("Tfsparse>Normalization")
      .Input("x: float")
      .Input("residual: float")
      .Input("gamma: float")
      .Input("beta: float")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: float")
      .Output("y_uint8: uint8")
      .Output("sum: float")
      .Attr("kind: {'layer', 'rms'} = 'layer'")
      .Attr("epsilon: float = 1e-3")
      .Attr("float_y: bool = true")
      .Attr("uint8_y: bool = false")
      .Attr("return_sum: bool = false")
      .SetShapeFn(NormalizationShape)
      .Doc(R"doc(
Normalizes u = x + residual over the last axis:

  layer: y = (u - mean) / sqrt(mean((u - mean)^2) + epsilon) * gamma + beta
  rms: y = u / sqrt(mean(u^2) + epsilon) * gamma + beta

x: [..., C].
residual: x's shape, or [0] for none.
gamma: [C], or [0] for none.
beta: [C], or [0] for none.
y_scale: Finite and positive; used for y_uint8.
y_zero_point: In [0, 255]; used for y_uint8.
y: x's shape; [0] unless float_y.
y_uint8: round(y / y_scale) + y_zero_point in [0, 255], half to even; [0] unless uint8_y.
sum: x + residual; [0] unless return_sum.
kind: LayerNorm or RMSNorm.
epsilon: Added under the square root; finite and at least 0.
float_y, uint8_y: Which of the two are wanted, at least one.
return_sum: Whether `sum` is wanted.
)doc");
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>Normalization").Device(DEVICE_CPU), NormalizationOp);
}

}  // namespace tfsparse
