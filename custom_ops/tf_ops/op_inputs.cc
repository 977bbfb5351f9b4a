#include "custom_ops/tf_ops/op_inputs.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "custom_ops/base/shared_work.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace tfsparse {

using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

namespace {

// Over as many axes inputs may be spread, and outputs. TensorFlow's optimizers end the process
// where a file makes a tensor of more axes than they can count.
constexpr int64_t kMaxAxes = 8;

// Whether axes of some sizes hold `count` elements together.
bool Hold(const std::vector<int64_t>& sizes, int64_t count) {
  int64_t product = 1;
  for (int64_t size : sizes) {
    // Not beyond `count`, so that it cannot overflow.
    if (size < 1 || product > count / size) return false;
    product *= size;
  }
  return product == count;
}

std::string Text(const std::vector<int64_t>& sizes) {
  std::string text;
  for (int64_t size : sizes) text += (text.empty() ? "" : ",") + std::to_string(size);
  return "[" + text + "]";
}

}  // namespace

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

Status CheckDepth(int64_t inputs, int64_t x_axes) {
  if (inputs < 0) {
    return Status::Invalid("`inputs` should be at least 0. Received: inputs=", inputs);
  }
  if (x_axes >= 1 && x_axes <= kMaxAxes) return {};
  return Status::Invalid("`x_axes` should be from 1 to ", kMaxAxes, ". Received: x_axes=", x_axes);
}

Status CheckSizes(int64_t inputs, int64_t x_axes, const std::vector<int64_t>& x_sizes) {
  if (x_sizes.empty()) return {};
  if (static_cast<int64_t>(x_sizes.size()) == x_axes && Hold(x_sizes, inputs)) return {};
  return Status::Invalid("`x_sizes` should hold inputs=", inputs, " in x_axes=", x_axes,
                         " axes. Received: x_sizes=", Text(x_sizes));
}

Status ResolveAxes(int64_t units, std::vector<int64_t>* y_axes) {
  if (y_axes->empty()) {
    y_axes->push_back(units);
    return {};
  }
  if (y_axes->size() > kMaxAxes) {
    return Status::Invalid("`y_axes` should have at most ", kMaxAxes,
                           " sizes. Received: ", y_axes->size());
  }
  if (Hold(*y_axes, units)) return {};
  return Status::Invalid("`y_axes` should hold units=", units,
                         " outputs together. Received: y_axes=", Text(*y_axes));
}

Status WrongInputs(int64_t wanted, int64_t x_axes, const std::string& shape) {
  return Status::Invalid("`x` should have ", wanted, " inputs in its last ",
                         x_axes == 1 ? "axis" : std::to_string(x_axes) + " axes",
                         ". Received: shape=", shape);
}

Status WrongSizes(const std::vector<int64_t>& x_sizes, const std::string& shape) {
  return Status::Invalid("`x` should have the inputs in axes of the sizes ", Text(x_sizes),
                         ". Received: shape=", shape);
}

Status CheckLastAxes(const TensorShape& x, const std::vector<int64_t>& x_sizes) {
  const int lead = x.dims() - static_cast<int>(x_sizes.size());
  for (size_t i = 0; i < x_sizes.size(); ++i) {
    if (x.dim_size(lead + static_cast<int>(i)) != x_sizes[i]) {
      return WrongSizes(x_sizes, x.DebugString());
    }
  }
  return {};
}

Status SplitShape(const TensorShape& x, int64_t x_axes, int64_t wanted, int64_t* rows,
                  int64_t* inputs) {
  if (x.dims() < x_axes + 1) {
    return Status::Invalid("`x` should have rank ", x_axes + 1,
                           " or more. Received: shape=", x.DebugString());
  }
  // Not by dividing: there may be none of one of them. Then there may be any number of the other.
  *rows = *inputs = 1;
  for (int d = 0; d < x.dims(); ++d) {
    int64_t* product = d + x_axes < x.dims() ? rows : inputs;
    if (__builtin_mul_overflow(*product, x.dim_size(d), product)) {
      return Status::Invalid("Rows and inputs of `x` should fit in 64 bits. Received: shape=",
                             x.DebugString());
    }
  }
  if (wanted > 0 && *inputs != wanted) return WrongInputs(wanted, x_axes, x.DebugString());
  return {};
}

absl::Status ParseActivation(const std::string& name, Activation* activation) {
  static constexpr struct {
    const char* name;
    Activation activation;
  } kByName[] = {
      {"linear", Activation::kLinear},      {"relu", Activation::kRelu},
      {"relu6", Activation::kRelu6},        {"gelu", Activation::kGelu},
      {"gelu_tanh", Activation::kGeluTanh}, {"sigmoid", Activation::kSigmoid},
      {"tanh", Activation::kTanh},          {"silu", Activation::kSilu},
  };
  for (const auto& each : kByName) {
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
