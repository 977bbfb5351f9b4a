#include "custom_ops/tf_ops/conv_shape.h"

#include "custom_ops/tf_ops/conv_attributes.h"
#include "custom_ops/tf_ops/input_ranks.h"
#include "custom_ops/tf_ops/op_inputs.h"

namespace tfsparse {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status ConvShape(InferenceContext* c) {
  ConvAttributes attributes;
  TF_RETURN_IF_ERROR(attributes.Read(c));
  ShapeHandle x;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  TF_RETURN_IF_ERROR(CheckInputRanks(c));
  if (c->ValueKnown(c->Dim(x, 3))) {
    TF_RETURN_IF_ERROR(ToAbsl(attributes.CheckChannels(c->Value(c->Dim(x, 3)))));
  }
  ShapeHandle y;
  TF_RETURN_IF_ERROR(attributes.window().OutputShape(c, x, c->MakeDim(attributes.filters()), &y));
  c->set_output(0, y);
  return absl::OkStatus();
}

}  // namespace tfsparse
