#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_MATMUL_SHAPE_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_MATMUL_SHAPE_H_

#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {

// The shape function of all matmuls: ranks of the inputs, and y's shape, which is x's with the
// last layer's outputs in the place of the axes that hold the inputs.
absl::Status MatMulShape(tensorflow::shape_inference::InferenceContext* c);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_MATMUL_SHAPE_H_
