// Tfsparse>Attention and Tfsparse>QuantizedAttention: custom_ops/attention/attention.h. Shapes are
// checked here, as a tensor has them; values are checked by ValidateAttention.

#include <string>
#include <vector>

#include "custom_ops/attention/attention.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/tf_ops/attention_attributes.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/op_within_memory.h"
#include "custom_ops/tf_ops/output_buffers.h"
#include "custom_ops/tf_ops/registration.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {
namespace {

using ::tensorflow::DEVICE_CPU;
using ::tensorflow::DT_UINT8;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

std::vector<int64_t> SizesOf(const Tensor& tensor) {
  std::vector<int64_t> sizes;
  for (int i = 0; i < tensor.dims(); ++i) sizes.push_back(tensor.dim_size(i));
  return sizes;
}

// None, or where it has its elements.
absl::Status ReadScores(const char* name, const Tensor& tensor, const AttentionCall& call,
                        const void** data, ScoreView* view) {
  *data = nullptr;
  if (tensor.dims() == 1 && tensor.NumElements() == 0) return absl::OkStatus();
  TF_RETURN_IF_ERROR(ToAbsl(
      ViewScores(name, SizesOf(tensor), {call.batch, call.heads, call.queries, call.keys}, view)));
  *data = tensor.data();
  return absl::OkStatus();
}

class AttentionOp : public OpWithinMemory {
 public:
  explicit AttentionOp(OpKernelConstruction* context) : OpWithinMemory(context) {
    OP_REQUIRES_OK(context, attributes_.Read(context));
    Isa isa;
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsa(&isa)));
    kernel_ = ChooseAttention(FastestForBf16(isa), attributes_.compute());
  }

 private:
  std::string Needs(OpKernelContext* context) const override {
    return "a tile of attention. Received: `query` of shape " +
           context->input(0).shape().DebugString();
  }

  absl::Status TryCompute(OpKernelContext* context) override {
    AttentionCall call = attributes_.call();
    TF_RETURN_IF_ERROR(FillInputs(context, &call));
    if (context->num_inputs() > 5) TF_RETURN_IF_ERROR(FillAffine(context, &call));
    TF_RETURN_IF_ERROR(ToAbsl(ValidateAttention(call)));
    TensorShape shape;
    for (int64_t size : attributes_.OutputShape(call)) {
      TF_RETURN_IF_ERROR(shape.AddDimWithStatus(size));
    }
    Tensor* y = nullptr;
    TF_RETURN_IF_ERROR(AllocateOutput(context, 0, shape, &y));
    if (y->NumElements() == 0) return absl::OkStatus();  // its strides may be beyond 64 bits
    call.y = y->data();
    call.y_is_u8 = y->dtype() == DT_UINT8;
    call.y_view = attributes_.OutputView(call);
    RunAttention(call, kernel_, IntraOpThreads(context));
    return absl::OkStatus();
  }

  absl::Status FillInputs(OpKernelContext* context, AttentionCall* call) const {
    const Tensor &query = context->input(0), &key = context->input(1), &value = context->input(2);
    TF_RETURN_IF_ERROR(
        ToAbsl(attributes_.ViewInputs(SizesOf(query), SizesOf(key), SizesOf(value), call)));
    call->query = query.data();
    call->key = key.data();
    call->value = value.data();
    call->is_u8 = query.dtype() == DT_UINT8;
    call->causal_offset = attributes_.CausalOffset(*call);
    const void *bias, *mask;
    TF_RETURN_IF_ERROR(ReadScores("bias", context->input(3), *call, &bias, &call->bias_view));
    TF_RETURN_IF_ERROR(ReadScores("mask", context->input(4), *call, &mask, &call->mask_view));
    call->bias = static_cast<const float*>(bias);
    call->mask = static_cast<const uint8_t*>(mask);
    return absl::OkStatus();
  }

  static absl::Status FillAffine(OpKernelContext* context, AttentionCall* call) {
    const struct {
      const char *scale_name, *zero_point_name;
      float* scale;
      int32_t* zero_point;
    } inputs[] = {
        {"query_scale", "query_zero_point", &call->query_affine.scale,
         &call->query_affine.zero_point},
        {"key_scale", "key_zero_point", &call->key_affine.scale, &call->key_affine.zero_point},
        {"value_scale", "value_zero_point", &call->value_affine.scale,
         &call->value_affine.zero_point},
        {"y_scale", "y_zero_point", &call->y_scale, &call->y_zero_point},
    };
    for (const auto& each : inputs) {
      TF_RETURN_IF_ERROR(ReadScalar(context, each.scale_name, each.scale));
      TF_RETURN_IF_ERROR(ReadScalar(context, each.zero_point_name, each.zero_point));
    }
    return absl::OkStatus();
  }

  AttentionAttributes attributes_;
  AttentionKernel kernel_ = {};
};

void RegisterFloatAttention() {
  REGISTER_OP("Tfsparse>Attention")
      .Input("query: float")
      .Input("key: float")
      .Input("value: float")
      .Input("bias: float")
      .Input("mask: bool")
      .Output("y: float")
      .Attr(kHeads)
      .Attr(kKvHeads)
      .Attr(kHeadSize)
      .Attr(kValueHeadSize)
      .Attr(kQueryView)
      .Attr(kKeyView)
      .Attr(kValueView)
      .Attr(kQueryLayout)
      .Attr(kKeyLayout)
      .Attr(kValueLayout)
      .Attr(kOutputLayout)
      .Attr(kScale)
      .Attr(kSoftCap)
      .Attr(kCausal)
      .Attr(kCausalOffset)
      .Attr(kMasked)
      .Attr(kMaskedValue)
      .Attr(kBiasFirst)
      .Attr(kZeroMasked)
      .Attr(kCompute)
      .SetShapeFn(AttentionShape)
      .Doc(R"doc(
Scaled dot-product attention: y = softmax(scale * query transpose(key), masked) value, per head.

Scores are scaled, capped (cap * tanh(score / cap)), added to bias and masked, in this order or, if
not bias_first, masked and then added to bias. Each of these steps is rounded to float.

query: [B, T, channels ...] in layout BTHD, all axes behind T being channels: head h has
  `head_size` of them from offset + h * stride on. [B, H, T, D] in layout BHTD.
key: As query, of S keys and kv_heads heads.
value: As key, of heads of value_head_size.
bias: What can be broadcast to [B, H, T, S], added to scores; or [0] for none.
mask: What can be broadcast to [B, H, T, S], true where a key is kept; or [0] for none.
y: [B, T, H * Dv], [B, T, H, Dv] or [B, H, T, Dv], as output_layout says.
heads: H.
kv_heads: Heads of key and value, which divides H; 0 for H. Head h of query reads head
  h / (H / kv_heads).
head_size: D.
value_head_size: Dv; 0 for D.
query_view: Offset and stride of heads in channels; empty for 0 and D, and no other channels.
key_view: Likewise.
value_view: Likewise.
query_layout, key_layout, value_layout, output_layout: The order of axes.
scale: What scores are multiplied by.
soft_cap: 0 for none.
causal: Query t keeps keys up to t, or up to t + S - T if causal_offset is 'end'.
causal_offset: Whether the first query and key are aligned, or the last.
masked: What a score becomes that mask or causality hides: score + masked_value, or masked_value.
masked_value: Any number, or an infinity.
bias_first: Whether bias is added before the mask is applied.
zero_masked: Whether a query all of whose keys are hidden gives 0.
compute: Type of the operands of both products. Sums and softmax are float.
)doc");
}

void RegisterQuantizedAttention() {
  REGISTER_OP("Tfsparse>QuantizedAttention")
      .Input("query: Tin")
      .Input("key: Tin")
      .Input("value: Tin")
      .Input("bias: float")
      .Input("mask: bool")
      .Input("query_scale: float")
      .Input("query_zero_point: int32")
      .Input("key_scale: float")
      .Input("key_zero_point: int32")
      .Input("value_scale: float")
      .Input("value_zero_point: int32")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr(kHeads)
      .Attr(kKvHeads)
      .Attr(kHeadSize)
      .Attr(kValueHeadSize)
      .Attr(kQueryView)
      .Attr(kKeyView)
      .Attr(kValueView)
      .Attr(kQueryLayout)
      .Attr(kKeyLayout)
      .Attr(kValueLayout)
      .Attr(kOutputLayout)
      .Attr(kScale)
      .Attr(kSoftCap)
      .Attr(kCausal)
      .Attr(kCausalOffset)
      .Attr(kMasked)
      .Attr(kMaskedValue)
      .Attr(kBiasFirst)
      .Attr(kZeroMasked)
      .Attr(kCompute)
      .Attr("Tin: {float, uint8}")
      .Attr("Tout: {float, uint8}")
      .SetShapeFn(AttentionShape)
      .Doc(R"doc(
Attention whose ends may be uint8. A uint8 tensor stands for scale * (q - zero_point).

query, key, value, bias, mask: As in Attention.
query_scale: Finite and positive; used for uint8, as all scales and zero points.
query_zero_point: In [0, 255].
key_scale: Likewise.
key_zero_point: Likewise.
value_scale: Likewise.
value_zero_point: Likewise.
y_scale: Likewise.
y_zero_point: Likewise.
y: Attention's, or round(y / y_scale) + y_zero_point in [0, 255], half to even.
)doc");
}

}  // namespace

void RegisterAttention() {
  RegisterFloatAttention();
  RegisterQuantizedAttention();
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>Attention").Device(DEVICE_CPU), AttentionOp);
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>QuantizedAttention").Device(DEVICE_CPU), AttentionOp);
}

}  // namespace tfsparse
