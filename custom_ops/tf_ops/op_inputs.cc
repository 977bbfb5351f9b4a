#include "custom_ops/tf_ops/op_inputs.h"

#include <cmath>
#include <limits>

#include "custom_ops/base/shared_work.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace tfsparse {

using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

absl::Status ToAbsl(const Status& status) {
  return status.ok() ? absl::OkStatus() : absl::InvalidArgumentError(status.message());
}

absl::Status CheckRank(const InputName& name, const Tensor& tensor, int rank) {
  if (tensor.dims() == rank) return absl::OkStatus();
  return ToAbsl(Status::Invalid("`", name.text(), "` should have rank ", rank,
                                ". Received: shape=", tensor.shape().DebugString()));
}

absl::Status CheckPerOutput(const InputName& name, const Tensor& tensor, int64_t units,
                            bool optional) {
  TF_RETURN_IF_ERROR(CheckRank(name, tensor, 1));
  if (optional && tensor.NumElements() == 0) return absl::OkStatus();
  if (tensor.NumElements() != units) {
    return ToAbsl(Status::Invalid("`", name.text(), "` should have ", units,
                                  optional ? " or 0" : "",
                                  " elements. Received: ", tensor.NumElements()));
  }
  const auto values = tensor.vec<float>();
  // Without a branch first, so that it vectorises: it is done for each call.
  int infinite = 0;
  for (int64_t n = 0; n < units; ++n) {
    infinite |=
        static_cast<int>(!(std::fabs(values.data()[n]) <= std::numeric_limits<float>::max()));
  }
  if (infinite == 0) return absl::OkStatus();
  for (int64_t n = 0; n < units; ++n) {
    if (!std::isfinite(values(n))) {
      return ToAbsl(Status::Invalid("`", name.text(), "` should be finite. Received: ", name.text(),
                                    "[", n, "]=", values(n)));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckResidual(const Tensor& residual, const TensorShape& y) {
  if (residual.shape() == y || (residual.dims() == 1 && residual.NumElements() == 0)) {
    return absl::OkStatus();
  }
  return ToAbsl(Status::Invalid("`residual` should have y's shape, ", y.DebugString(),
                                ", or [0]. Received: shape=", residual.shape().DebugString()));
}

absl::Status ParseActivation(const std::string& name, Activation* activation) {
  static constexpr struct {
    const char* name;
    Activation activation;
  } kActivations[] = {
      {"linear", Activation::kLinear},      {"relu", Activation::kRelu},
      {"relu6", Activation::kRelu6},        {"gelu", Activation::kGelu},
      {"gelu_tanh", Activation::kGeluTanh}, {"sigmoid", Activation::kSigmoid},
      {"tanh", Activation::kTanh},          {"silu", Activation::kSilu},
  };
  for (const auto& each : kActivations) {
    if (name == each.name) {
      *activation = each.activation;
      return absl::OkStatus();
    }
  }
  return ToAbsl(Status::Invalid("`activation` should be one that the op lists. Received: ", name));
}

Threads IntraOpThreads(OpKernelContext* context) {
  const auto* workers = context->device()->tensorflow_cpu_worker_threads();
  return ShareAmong(workers->num_threads, workers->workers);
}

}  // namespace tfsparse
