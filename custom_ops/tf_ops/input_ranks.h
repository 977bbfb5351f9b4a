#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_INPUT_RANKS_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_INPUT_RANKS_H_

#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {

// That the inputs of an op, but for x and the residual, have the ranks that these inputs have in
// all ops.
absl::Status CheckInputRanks(tensorflow::shape_inference::InferenceContext* c);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_INPUT_RANKS_H_
