#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_OUTPUT_BUFFERS_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_OUTPUT_BUFFERS_H_

// Results of ops: large ones in memory that is kept from call to call (base/buffer_pool.h), all
// others where TensorFlow puts them.

#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {

// As OpKernelContext::allocate_output.
absl::Status AllocateOutput(tensorflow::OpKernelContext* context, int index,
                            const tensorflow::TensorShape& shape, tensorflow::Tensor** output);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_OUTPUT_BUFFERS_H_
