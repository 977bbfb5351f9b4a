#include "custom_ops/tf_ops/matmul_shape.h"

#include <algorithm>
#include <string>
#include <vector>

#include "custom_ops/tf_ops/input_ranks.h"
#include "custom_ops/tf_ops/op_inputs.h"

namespace tfsparse {
namespace {

using ::tensorflow::TensorShape;
using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// The sizes of y's axes behind those that it shares with x.
absl::Status ResultAxes(InferenceContext* c, std::vector<DimensionHandle>* axes) {
  std::vector<int64_t> units, sizes;
  if (!c->GetAttr("units", &units).ok()) {
    TF_RETURN_IF_ERROR(c->GetAttr("units", &units.emplace_back()));
  }
  TF_RETURN_IF_ERROR(c->GetAttr("y_axes", &sizes));
  // A graph from a file reaches this before its attributes are checked, and a negative
  // dimension ends the process.
  const auto min = std::min_element(units.begin(), units.end());
  if (min == units.end() || *min < 1) {
    return absl::InvalidArgumentError("`units` should be at least 1. Received: units=" +
                                      (units.empty() ? "[]" : std::to_string(*min)));
  }
  TF_RETURN_IF_ERROR(ToAbsl(ResolveAxes(units.back(), &sizes)));
  for (int64_t size : sizes) axes->push_back(c->MakeDim(size));
  return absl::OkStatus();
}

// That the axes of x that hold the inputs, as far as they are known, hold as many as the weights
// were made for.
absl::Status CheckInputs(InferenceContext* c, ShapeHandle x, int64_t inputs, int64_t x_axes) {
  if (inputs == 0) return absl::OkStatus();
  int64_t found = 1;
  bool overflows = false;
  for (int64_t axis = 1; axis <= x_axes; ++axis) {
    const DimensionHandle size = c->Dim(x, -axis);
    if (!c->ValueKnown(size)) return absl::OkStatus();
    overflows |= __builtin_mul_overflow(found, c->Value(size), &found);
  }
  if (found == inputs && !overflows) return absl::OkStatus();
  return ToAbsl(WrongInputs(inputs, x_axes, c->DebugString(x)));
}

// That those axes, as far as they are known, have the sizes that they should.
absl::Status CheckAxes(InferenceContext* c, ShapeHandle x, const std::vector<int64_t>& x_sizes) {
  const int count = static_cast<int>(x_sizes.size());
  for (int i = 0; i < count; ++i) {
    const DimensionHandle size = c->Dim(x, i - count);
    if (c->ValueKnown(size) && c->Value(size) != x_sizes[i]) {
      return ToAbsl(WrongSizes(x_sizes, c->DebugString(x)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MatMulShape(InferenceContext* c) {
  ShapeHandle x, lead;
  int64_t depth, x_axes;
  std::vector<int64_t> x_sizes;
  TF_RETURN_IF_ERROR(c->GetAttr("inputs", &depth));
  TF_RETURN_IF_ERROR(c->GetAttr("x_axes", &x_axes));
  TF_RETURN_IF_ERROR(c->GetAttr("x_sizes", &x_sizes));
  TF_RETURN_IF_ERROR(ToAbsl(CheckDepth(depth, x_axes)));
  TF_RETURN_IF_ERROR(ToAbsl(CheckSizes(depth, x_axes, x_sizes)));
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(0), static_cast<int>(x_axes) + 1, &x));
  TF_RETURN_IF_ERROR(CheckInputRanks(c));
  std::vector<DimensionHandle> axes;
  TF_RETURN_IF_ERROR(ResultAxes(c, &axes));
  if (!c->RankKnown(x)) {
    c->set_output(0, c->UnknownShape());
    return absl::OkStatus();
  }
  TF_RETURN_IF_ERROR(CheckInputs(c, x, depth, x_axes));
  TF_RETURN_IF_ERROR(CheckAxes(c, x, x_sizes));
  TF_RETURN_IF_ERROR(c->Subshape(x, 0, -x_axes, &lead));
  const int64_t rank = c->Rank(lead) + static_cast<int64_t>(axes.size());
  if (rank > TensorShape::MaxDimensions()) {
    return absl::InvalidArgumentError("y should have at most " +
                                      std::to_string(TensorShape::MaxDimensions()) +
                                      " axes. Received: " + std::to_string(rank));
  }
  ShapeHandle y;
  TF_RETURN_IF_ERROR(c->Concatenate(lead, c->MakeShape(axes), &y));
  c->set_output(0, y);
  return absl::OkStatus();
}

}  // namespace tfsparse
