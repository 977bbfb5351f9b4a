// Tfsparse>ActivationRange: what custom_ops/matmul/activation_range.h measures.

#include "custom_ops/matmul/activation_range.h"
#include "custom_ops/matmul/path.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {
namespace {

using ::tensorflow::DEVICE_CPU;
using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

class ActivationRangeOp : public OpKernel {
 public:
  explicit ActivationRangeOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, ToAbsl(ChoosePath(&path_)));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    Tensor *scale = nullptr, *zero_point = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &scale));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({}), &zero_point));
    const ActivationParams params = ParamsOf(
        MeasureRange(x.flat<float>().data(), x.NumElements(), path_, IntraOpThreads(context)));
    scale->scalar<float>()() = params.scale;
    zero_point->scalar<int32_t>()() = params.zero_point;
  }

 private:
  Path path_ = Path::kPortable;
};

REGISTER_KERNEL_BUILDER(Name("Tfsparse>ActivationRange").Device(DEVICE_CPU), ActivationRangeOp);

}  // namespace
}  // namespace tfsparse
