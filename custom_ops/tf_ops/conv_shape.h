#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_SHAPE_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_SHAPE_H_

#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {

// The shape function of all convolutions: ranks of the inputs, and y's shape.
absl::Status ConvShape(tensorflow::shape_inference::InferenceContext* c);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_SHAPE_H_
