#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_OP_WITHIN_MEMORY_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_OP_WITHIN_MEMORY_H_

// An op whose engine takes memory of its own. TensorFlow is built without exceptions, so a lack of
// memory must not leave the op as one.

#include <new>
#include <string>

#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {

class OpWithinMemory : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(tensorflow::OpKernelContext* context) final {
    try {
      OP_REQUIRES_OK(context, TryCompute(context));
    } catch (const std::bad_alloc&) {
      context->CtxFailure(
          absl::ResourceExhaustedError("There should be memory for " + Needs(context)));
    }
  }

 private:
  // May throw std::bad_alloc.
  virtual absl::Status TryCompute(tensorflow::OpKernelContext* context) = 0;
  // What memory is for, and what was received: the end of the error.
  virtual std::string Needs(tensorflow::OpKernelContext* context) const = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_OP_WITHIN_MEMORY_H_
