#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_OP_INPUTS_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_OP_INPUTS_H_

// Checks of what TensorFlow hands an op: ranks, sizes, finite values. What a value may be
// otherwise, the engine checks.

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/kernels/kernel_args.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {

// An input's name, as an error gives it: that of a list has its number behind it. Made into text
// only where there is one.
struct InputName {
  const char* name;
  int number = -1;

  std::string text() const {
    return number < 0 ? name : std::string(name) + "[" + std::to_string(number) + "]";
  }
};

absl::Status ToAbsl(const Status& status);

absl::Status CheckRank(const InputName& name, const tensorflow::Tensor& tensor, int rank);

// The value of an input that has to be a scalar.
template <typename Value>
absl::Status ReadScalar(tensorflow::OpKernelContext* context, const char* name, Value* value) {
  const tensorflow::Tensor* tensor;
  TF_RETURN_IF_ERROR(context->input(name, &tensor));
  TF_RETURN_IF_ERROR(CheckRank({name}, *tensor, 0));
  *value = tensor->scalar<Value>()();
  return absl::OkStatus();
}

// One value per output, all finite; `optional` allows none at all.
absl::Status CheckPerOutput(const InputName& name, const tensorflow::Tensor& tensor, int64_t units,
                            bool optional);

// A float per output element of y, or [0] for none.
absl::Status CheckResidual(const tensorflow::Tensor& residual, const tensorflow::TensorShape& y);

// `inputs`: 0 or more; `x_axes`: 1 to 8.
Status CheckDepth(int64_t inputs, int64_t x_axes);

// `x_sizes`: none, or a size for each of `x_axes` axes, which hold `inputs` together.
Status CheckSizes(int64_t inputs, int64_t x_axes, const std::vector<int64_t>& x_sizes);

// The sizes of the axes that hold `units` outputs, at most 8; none become one.
Status ResolveAxes(int64_t units, std::vector<int64_t>* y_axes);

// That x has other inputs than the weights were made for.
Status WrongInputs(int64_t wanted, int64_t x_axes, const std::string& shape);

// That x has its inputs in axes of other sizes than it should.
Status WrongSizes(const std::vector<int64_t>& x_sizes, const std::string& shape);

// That the last axes of x have these sizes; its rank has been checked.
Status CheckLastAxes(const tensorflow::TensorShape& x, const std::vector<int64_t>& x_sizes);

// Rows and inputs of x, whose last `x_axes` axes hold the inputs: `wanted`, unless that is 0.
Status SplitShape(const tensorflow::TensorShape& x, int64_t x_axes, int64_t wanted, int64_t* rows,
                  int64_t* inputs);

absl::Status ParseActivation(const std::string& name, Activation* activation);

// The calling thread and TensorFlow's intra-op pool.
Threads IntraOpThreads(tensorflow::OpKernelContext* context);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_OP_INPUTS_H_
