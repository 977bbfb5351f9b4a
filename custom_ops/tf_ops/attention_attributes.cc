#include "custom_ops/tf_ops/attention_attributes.h"

namespace tfsparse {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// Whether `text` is `yes`, which it has to be where it is not `no`.
Status Parse(const char* name, const std::string& text, const char* no, const char* yes,
             bool* is_yes) {
  *is_yes = text == yes;
  if (*is_yes || text == no) return {};
  return Status::Invalid("`", name, "` should be '", no, "' or '", yes, "'. Received: ", name, "='",
                         text, "'");
}

Status CheckEqual(const char* what, int64_t a, int64_t b) {
  if (a < 0 || b < 0 || a == b) return {};
  return Status::Invalid(what, " should be the same. Received: ", a, " and ", b);
}

int64_t Known(int64_t a, int64_t b) { return a >= 0 ? a : b; }

}  // namespace

Status AttentionAttributes::ResolveSpec(const char* name, int64_t heads, int64_t size,
                                        Spec* spec) const {
  spec->heads.name = name;
  spec->heads.heads = heads;
  spec->heads.size = size;
  const std::string layout = std::string(name) + "_layout";
  if (Status status = Parse(layout.c_str(), spec->layout, "BTHD", "BHTD", &spec->heads.heads_first);
      !status.ok()) {
    return status;
  }
  return ValidateSpec(spec->heads);
}

Status AttentionAttributes::Resolve() {
  if (call_.kv_heads == 0) call_.kv_heads = call_.heads;
  if (call_.value_head_size == 0) call_.value_head_size = call_.head_size;
  if (output_layout_ != "BTC" && output_layout_ != "BTHD" && output_layout_ != "BHTD") {
    return Status::Invalid("`output_layout` should be 'BTC', 'BTHD' or 'BHTD'. Received: ",
                           "output_layout='", output_layout_, "'");
  }
  bool is_bf16;
  for (const Status& status :
       {ValidateAttention(call_), ResolveSpec("query", call_.heads, call_.head_size, &query_),
        ResolveSpec("key", call_.kv_heads, call_.head_size, &key_),
        ResolveSpec("value", call_.kv_heads, call_.value_head_size, &value_),
        Parse("causal_offset", texts_.causal_offset, "start", "end", &aligns_ends_),
        Parse("masked", texts_.masked, "add", "replace", &call_.replaces),
        Parse("compute", texts_.compute, "float32", "bfloat16", &is_bf16)}) {
    if (!status.ok()) return status;
  }
  compute_ = is_bf16 ? AttentionCompute::kBFloat16 : AttentionCompute::kFloat32;
  int64_t channels;
  if (!__builtin_mul_overflow(call_.heads, call_.value_head_size, &channels)) return {};
  return Status::Invalid("Heads should fit in 64 bits. Received: heads=", call_.heads,
                         ", value_head_size=", call_.value_head_size);
}

Status AttentionAttributes::ViewInputs(const std::vector<int64_t>& query,
                                       const std::vector<int64_t>& key,
                                       const std::vector<int64_t>& value,
                                       AttentionCall* call) const {
  int64_t batches[3], keys[2];
  for (const Status& status :
       {ViewHeads(query_.heads, query, &batches[0], &call->queries, &call->query_view),
        ViewHeads(key_.heads, key, &batches[1], &keys[0], &call->key_view),
        ViewHeads(value_.heads, value, &batches[2], &keys[1], &call->value_view)}) {
    if (!status.ok()) return status;
  }
  call->batch = Known(batches[0], Known(batches[1], batches[2]));
  call->keys = Known(keys[0], keys[1]);
  for (const Status& status :
       {CheckEqual("The batches of `query` and `key`", batches[0], batches[1]),
        CheckEqual("The batches of `query` and `value`", batches[0], batches[2]),
        CheckEqual("The batches of `key` and `value`", batches[1], batches[2]),
        CheckEqual("The lengths of `key` and `value`", keys[0], keys[1])}) {
    if (!status.ok()) return status;
  }
  return {};
}

std::vector<int64_t> AttentionAttributes::OutputShape(const AttentionCall& call) const {
  if (output_layout_ == "BTC") {
    return {call.batch, call.queries, call.heads * call.value_head_size};
  }
  if (output_layout_ == "BTHD") {
    return {call.batch, call.queries, call.heads, call.value_head_size};
  }
  return {call.batch, call.heads, call.queries, call.value_head_size};
}

HeadsView AttentionAttributes::OutputView(const AttentionCall& call) const {
  HeadsView view;
  const int64_t size = call.value_head_size;
  view.batch = call.queries * call.heads * size;
  const bool heads_first = output_layout_ == "BHTD";
  view.token = heads_first ? size : call.heads * size;
  view.head = heads_first ? call.queries * size : size;
  return view;
}

namespace {

// Sizes, -1 where one is unknown.
std::vector<int64_t> SizesOf(InferenceContext* c, ShapeHandle shape) {
  std::vector<int64_t> sizes;
  for (int i = 0; i < c->Rank(shape); ++i) {
    const DimensionHandle size = c->Dim(shape, i);
    sizes.push_back(c->ValueKnown(size) ? c->Value(size) : -1);
  }
  return sizes;
}

// Of a shape whose rank is unknown: one of the rank that its layout has.
std::vector<int64_t> SizesOrUnknown(InferenceContext* c, int input) {
  const ShapeHandle shape = c->input(input);
  return c->RankKnown(shape) ? SizesOf(c, shape) : std::vector<int64_t>{-1, -1, -1, -1};
}

absl::Status CheckScores(InferenceContext* c, int input, const char* name,
                         const AttentionCall& call) {
  const ShapeHandle shape = c->input(input);
  if (!c->RankKnown(shape)) return absl::OkStatus();
  const std::vector<int64_t> sizes = SizesOf(c, shape);
  if (sizes.size() == 1 && sizes[0] <= 0) return absl::OkStatus();
  ScoreView unused;
  return ToAbsl(
      ViewScores(name, sizes, {call.batch, call.heads, call.queries, call.keys}, &unused));
}

}  // namespace

absl::Status AttentionShape(InferenceContext* c) {
  AttentionAttributes attributes;
  TF_RETURN_IF_ERROR(attributes.Read(c));
  AttentionCall call = attributes.call();
  TF_RETURN_IF_ERROR(ToAbsl(attributes.ViewInputs(SizesOrUnknown(c, 0), SizesOrUnknown(c, 1),
                                                  SizesOrUnknown(c, 2), &call)));
  TF_RETURN_IF_ERROR(CheckScores(c, 3, "bias", call));
  TF_RETURN_IF_ERROR(CheckScores(c, 4, "mask", call));
  ShapeHandle unused;
  for (int i = 5; i < c->num_inputs(); ++i) {
    TF_RETURN_IF_ERROR(c->WithRank(c->input(i), 0, &unused));
  }
  std::vector<DimensionHandle> sizes;
  for (int64_t size : attributes.OutputShape(call)) {
    sizes.push_back(size < 0 ? c->UnknownDim() : c->MakeDim(size));
  }
  c->set_output(0, c->MakeShape(sizes));
  return absl::OkStatus();
}

}  // namespace tfsparse
