#include "custom_ops/tf_ops/input_ranks.h"

#include <vector>

namespace tfsparse {
namespace {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// Inputs of every layer, and of the whole op, by their ranks. Those that an op lacks are skipped.
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
              {"residual_zero_point", 0},
              {"gamma", 1},
              {"beta", 1}};

}  // namespace

absl::Status CheckInputRanks(InferenceContext* c) {
  ShapeHandle unused;
  for (const auto& each : kRanks) {
    std::vector<ShapeHandle> inputs;
    if (!c->input(each.name, &inputs).ok()) continue;
    for (ShapeHandle input : inputs) TF_RETURN_IF_ERROR(c->WithRank(input, each.rank, &unused));
  }
  return absl::OkStatus();
}

}  // namespace tfsparse
