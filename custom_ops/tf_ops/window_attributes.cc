#include "custom_ops/tf_ops/window_attributes.h"

#include <algorithm>

namespace tfsparse {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

Status CheckLength(const char* name, const std::vector<int64_t>& list, size_t length) {
  if (list.size() == length) return {};
  return Status::Invalid("`", name, "` should have ", length, " elements. Received: ", list.size());
}

}  // namespace

Status WindowAttributes::Check(const Lists& lists, const char* size_name) {
  for (const Status& status :
       {CheckLength(size_name, lists.sizes, 2), CheckLength("strides", lists.strides, 2),
        CheckLength("dilations", lists.dilations, 2), CheckLength("paddings", lists.paddings, 4)}) {
    if (!status.ok()) return status;
  }
  is_same_ = lists.padding == "SAME";
  if (!is_same_ && lists.padding != "EXPLICIT") {
    return Status::Invalid("`padding` should be EXPLICIT or SAME. Received: ", lists.padding);
  }
  if (is_same_ && std::count(lists.paddings.begin(), lists.paddings.end(), 0) != 4) {
    return Status::Invalid("`paddings` should be 0 beside padding=SAME. Received another one");
  }
  const auto axis = [&](int i) -> ConvAxis {
    return {0,
            lists.sizes[i],
            lists.strides[i],
            lists.dilations[i],
            lists.paddings[2 * i],
            lists.paddings[2 * i + 1]};
  };
  height_ = axis(0);
  width_ = axis(1);
  if (Status status = ValidateWindow(height_, "height"); !status.ok()) return status;
  return ValidateWindow(width_, "width");
}

ConvAxis WindowAttributes::AxisOf(ConvAxis axis, int64_t size) const {
  axis.size = size;
  if (is_same_) axis.PadToSame();
  return axis;
}

absl::Status WindowAttributes::OutputShape(InferenceContext* c, ShapeHandle x,
                                           DimensionHandle channels, ShapeHandle* y) const {
  DimensionHandle sizes[2];
  for (int i = 0; i < 2; ++i) {
    const DimensionHandle size = c->Dim(x, 1 + i);
    sizes[i] = c->UnknownDim();
    if (!c->ValueKnown(size)) continue;
    const ConvAxis axis = i == 0 ? height(c->Value(size)) : width(c->Value(size));
    TF_RETURN_IF_ERROR(ToAbsl(ValidateAxis(axis, i == 0 ? "height" : "width")));
    sizes[i] = c->MakeDim(axis.out());
  }
  *y = c->MakeShape({c->Dim(x, 0), sizes[0], sizes[1], channels});
  return absl::OkStatus();
}

}  // namespace tfsparse
