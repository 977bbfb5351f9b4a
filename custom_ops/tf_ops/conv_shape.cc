#include "custom_ops/tf_ops/conv_shape.h"

#include <vector>

#include "custom_ops/tf_ops/conv_attributes.h"
#include "custom_ops/tf_ops/op_inputs.h"

namespace tfsparse {
namespace {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// Inputs by their ranks. Those that an op lacks are skipped.
constexpr struct {
  const char* name;
  int rank;
} kRanks[] = {{"data", 3},
              {"indices", 1},
              {"indptr", 1},
              {"bias", 1},
              {"x_scale", 0},
              {"x_zero_point", 0},
              {"w_scale", 1},
              {"y_scale", 0},
              {"y_zero_point", 0},
              {"residual_scale", 0},
              {"residual_zero_point", 0}};

}  // namespace

absl::Status ConvShape(InferenceContext* c) {
  ConvAttributes attributes;
  TF_RETURN_IF_ERROR(attributes.Read(c));
  ShapeHandle x, unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  for (const auto& each : kRanks) {
    std::vector<ShapeHandle> inputs;
    if (!c->input(each.name, &inputs).ok()) continue;
    for (ShapeHandle input : inputs) TF_RETURN_IF_ERROR(c->WithRank(input, each.rank, &unused));
  }
  if (c->ValueKnown(c->Dim(x, 3))) {
    TF_RETURN_IF_ERROR(ToAbsl(attributes.CheckChannels(c->Value(c->Dim(x, 3)))));
  }
  ShapeHandle y;
  TF_RETURN_IF_ERROR(attributes.window().OutputShape(c, x, c->MakeDim(attributes.filters()), &y));
  c->set_output(0, y);
  return absl::OkStatus();
}

}  // namespace tfsparse
