#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_ATTENTION_ATTRIBUTES_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_ATTENTION_ATTRIBUTES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/attention/attention.h"
#include "custom_ops/attention/heads_view.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {

// As REGISTER_OP takes them.
inline constexpr char kHeads[] = "heads: int >= 1";
inline constexpr char kKvHeads[] = "kv_heads: int = 0";
inline constexpr char kHeadSize[] = "head_size: int >= 1";
inline constexpr char kValueHeadSize[] = "value_head_size: int = 0";
inline constexpr char kQueryView[] = "query_view: list(int) = []";
inline constexpr char kKeyView[] = "key_view: list(int) = []";
inline constexpr char kValueView[] = "value_view: list(int) = []";
inline constexpr char kQueryLayout[] = "query_layout: {'BTHD', 'BHTD'} = 'BTHD'";
inline constexpr char kKeyLayout[] = "key_layout: {'BTHD', 'BHTD'} = 'BTHD'";
inline constexpr char kValueLayout[] = "value_layout: {'BTHD', 'BHTD'} = 'BTHD'";
inline constexpr char kOutputLayout[] = "output_layout: {'BTC', 'BTHD', 'BHTD'} = 'BTC'";
inline constexpr char kScale[] = "scale: float = 1.0";
inline constexpr char kSoftCap[] = "soft_cap: float = 0.0";
inline constexpr char kCausal[] = "causal: bool = false";
inline constexpr char kCausalOffset[] = "causal_offset: {'start', 'end'} = 'start'";
inline constexpr char kMasked[] = "masked: {'add', 'replace'} = 'add'";
inline constexpr char kMaskedValue[] = "masked_value: float = -1e9";
inline constexpr char kBiasFirst[] = "bias_first: bool = true";
inline constexpr char kZeroMasked[] = "zero_masked: bool = false";
inline constexpr char kCompute[] = "compute: {'float32', 'bfloat16'} = 'float32'";

// The attributes of an attention, as its shape function and its kernel read them.
class AttentionAttributes {
 public:
  // From a context of either kind. A graph from a file reaches a shape function before TensorFlow
  // has checked its attributes. Fails unless they are in range.
  template <class Context>
  absl::Status Read(Context* context) {
    TF_RETURN_IF_ERROR(context->GetAttr("heads", &call_.heads));
    TF_RETURN_IF_ERROR(context->GetAttr("kv_heads", &call_.kv_heads));
    TF_RETURN_IF_ERROR(context->GetAttr("head_size", &call_.head_size));
    TF_RETURN_IF_ERROR(context->GetAttr("value_head_size", &call_.value_head_size));
    TF_RETURN_IF_ERROR(ReadSpec(context, "query_view", "query_layout", &query_));
    TF_RETURN_IF_ERROR(ReadSpec(context, "key_view", "key_layout", &key_));
    TF_RETURN_IF_ERROR(ReadSpec(context, "value_view", "value_layout", &value_));
    TF_RETURN_IF_ERROR(context->GetAttr("output_layout", &output_layout_));
    TF_RETURN_IF_ERROR(context->GetAttr("scale", &call_.scale));
    TF_RETURN_IF_ERROR(context->GetAttr("soft_cap", &call_.soft_cap));
    TF_RETURN_IF_ERROR(context->GetAttr("causal", &call_.causal));
    TF_RETURN_IF_ERROR(context->GetAttr("causal_offset", &texts_.causal_offset));
    TF_RETURN_IF_ERROR(context->GetAttr("masked", &texts_.masked));
    TF_RETURN_IF_ERROR(context->GetAttr("masked_value", &call_.masked_value));
    TF_RETURN_IF_ERROR(context->GetAttr("bias_first", &call_.bias_first));
    TF_RETURN_IF_ERROR(context->GetAttr("zero_masked", &call_.zero_masked));
    TF_RETURN_IF_ERROR(context->GetAttr("compute", &texts_.compute));
    return ToAbsl(Resolve());
  }

  // All that the attributes say of a call.
  const AttentionCall& call() const { return call_; }
  AttentionCompute compute() const { return compute_; }

  // Sizes of a call and views of its tensors; see ViewHeads. Fails unless they fit together.
  Status ViewInputs(const std::vector<int64_t>& query, const std::vector<int64_t>& key,
                    const std::vector<int64_t>& value, AttentionCall* call) const;

  // The shape of y, and where its heads lie.
  std::vector<int64_t> OutputShape(const AttentionCall& call) const;
  HeadsView OutputView(const AttentionCall& call) const;

  // With the offset that this call's sizes give.
  int64_t CausalOffset(const AttentionCall& call) const {
    return aligns_ends_ ? call.keys - call.queries : 0;
  }

 private:
  struct Spec {
    HeadsSpec heads;
    std::string layout;
  };

  template <class Context>
  static absl::Status ReadSpec(Context* context, const char* view, const char* layout, Spec* spec) {
    TF_RETURN_IF_ERROR(context->GetAttr(view, &spec->heads.channels));
    return context->GetAttr(layout, &spec->layout);
  }

  Status Resolve();
  Status ResolveSpec(const char* name, int64_t heads, int64_t size, Spec* spec) const;

  AttentionCall call_;
  AttentionCompute compute_ = AttentionCompute::kFloat32;
  bool aligns_ends_ = false;
  Spec query_, key_, value_;
  std::string output_layout_;
  struct {
    std::string causal_offset, masked, compute;
  } texts_;
};

// The shape function of attentions.
absl::Status AttentionShape(tensorflow::shape_inference::InferenceContext* c);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_ATTENTION_ATTRIBUTES_H_
