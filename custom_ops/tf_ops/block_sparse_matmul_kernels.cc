// The kernels of the two ops: check what TensorFlow hands over, find the packed
// weights, call Matmul. Ranks are checked here, as a tensor has them;
// everything about values and sizes is checked by Matmul.

#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <type_traits>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/shared_work.h"
#include "custom_ops/matmul/matmul.h"
#include "custom_ops/matmul/path.h"
#include "custom_ops/tf_ops/prepared_weights.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace tfsparse {
namespace {

using ::tensorflow::DEVICE_CPU;
using ::tensorflow::DT_UINT8;
using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

absl::Status ToAbsl(const Status& status) {
  return status.ok() ? absl::OkStatus() : absl::InvalidArgumentError(status.message());
}

absl::Status CheckRank(const char* name, const Tensor& tensor, int rank) {
  if (tensor.dims() == rank) return absl::OkStatus();
  return ToAbsl(Status::Invalid("`", name, "` should have rank ", rank,
                                ". Received: shape=", tensor.shape().DebugString()));
}

// One value per output, all finite; `optional` allows none at all.
absl::Status CheckPerOutput(const char* name, const Tensor& tensor, int64_t units, bool optional) {
  TF_RETURN_IF_ERROR(CheckRank(name, tensor, 1));
  if (optional && tensor.NumElements() == 0) return absl::OkStatus();
  if (tensor.NumElements() != units) {
    return ToAbsl(Status::Invalid("`", name, "` should have ", units, optional ? " or 0" : "",
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
      return ToAbsl(Status::Invalid("`", name, "` should be finite. Received: ", name, "[", n,
                                    "]=", values(n)));
    }
  }
  return absl::OkStatus();
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

// A float per output element of y, or [0] for none.
absl::Status CheckResidual(const Tensor& residual, const TensorShape& y) {
  if (residual.shape() == y || (residual.dims() == 1 && residual.NumElements() == 0)) {
    return absl::OkStatus();
  }
  return ToAbsl(Status::Invalid("`residual` should have y's shape, ", y.DebugString(),
                                ", or [0]. Received: shape=", residual.shape().DebugString()));
}

// The calling thread and TensorFlow's intra-op pool.
Threads IntraOpThreads(OpKernelContext* context) {
  const auto* workers = context->device()->tensorflow_cpu_worker_threads();
  return ShareAmong(workers->num_threads, workers->workers);
}

// What both ops share. T is the type of the weights.
template <typename T>
class MatMulOp : public OpKernel {
 public:
  explicit MatMulOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("units", &units_));
    std::string activation;
    OP_REQUIRES_OK(context, context->GetAttr("activation", &activation));
    OP_REQUIRES_OK(context, ParseActivation(activation, &activation_));
    bool is_weight_const;
    OP_REQUIRES_OK(context, context->GetAttr("is_weight_const", &is_weight_const));
    weights_ = std::make_unique<PreparedWeights<T>>(is_weight_const);
    OP_REQUIRES_OK(context, ToAbsl(ChoosePath(&path_)));
  }

 protected:
  // Fills in the fields of `call` that do not depend on T and runs it. `data` is
  // the number of the op's input of that name; `indices` and `indptr` follow it, as
  // `residual` follows `bias`.
  void Multiply(OpKernelContext* context, int data, int bias, const MatmulCall& call) {
    try {
      OP_REQUIRES_OK(context, TryMultiply(context, data, bias, call));
    } catch (const std::bad_alloc&) {  // TensorFlow is built without exceptions
      context->CtxFailure(absl::ResourceExhaustedError(
          "There should be memory for packed weights and activations. Received: units=" +
          std::to_string(units_) + ", x of shape " + context->input(0).shape().DebugString()));
    }
  }

  int64_t units() const { return units_; }

 private:
  absl::Status TryMultiply(OpKernelContext* context, int data, int bias, MatmulCall call) {
    const Tensor& x = context->input(0);
    const Tensor& bias_tensor = context->input(bias);
    const Tensor& residual = context->input(bias + 1);
    const WeightTensors weights = {context->input(data), context->input(data + 1),
                                   context->input(data + 2)};
    if (x.dims() < 2) {
      return ToAbsl(Status::Invalid("`x` should have rank 2 or more. Received: shape=",
                                    x.shape().DebugString()));
    }
    TF_RETURN_IF_ERROR(CheckRank("data", weights.data, 3));
    TF_RETURN_IF_ERROR(CheckRank("indices", weights.indices, 1));
    TF_RETURN_IF_ERROR(CheckRank("indptr", weights.indptr, 1));
    TF_RETURN_IF_ERROR(CheckPerOutput("bias", bias_tensor, units_, /*optional=*/true));

    std::shared_ptr<const Matmul<T>> matmul;
    const int64_t inputs = x.dim_size(x.dims() - 1);
    const Threads threads = IntraOpThreads(context);
    TF_RETURN_IF_ERROR(ToAbsl(weights_->Get(weights, units_, inputs, path_, threads, &matmul)));

    TensorShape y_shape = x.shape();
    TF_RETURN_IF_ERROR(y_shape.SetDimWithStatus(x.dims() - 1, units_));
    TF_RETURN_IF_ERROR(CheckResidual(residual, y_shape));
    Tensor* y = nullptr;
    TF_RETURN_IF_ERROR(context->allocate_output(0, y_shape, &y));

    call.x = x.data();
    call.x_is_u8 = x.dtype() == DT_UINT8;
    call.rows = y->NumElements() / units_;
    call.bias = bias_tensor.NumElements() == 0 ? nullptr : bias_tensor.vec<float>().data();
    call.residual = residual.NumElements() == 0 ? nullptr : residual.flat<float>().data();
    call.activation = activation_;
    call.y = y->data();
    call.y_is_u8 = y->dtype() == DT_UINT8;
    return ToAbsl(matmul->Run(call, threads));
  }

  int64_t units_ = 0;
  Activation activation_ = Activation::kLinear;
  Path path_ = Path::kPortable;
  std::unique_ptr<PreparedWeights<T>> weights_;
};

class BlockSparseMatMulOp : public MatMulOp<float> {
 public:
  using MatMulOp<float>::MatMulOp;

  void Compute(OpKernelContext* context) override {
    Multiply(context, /*data=*/1, /*bias=*/4, MatmulCall());
  }
};

class QuantizedBlockSparseMatMulOp : public MatMulOp<int8_t> {
 public:
  using MatMulOp<int8_t>::MatMulOp;

  void Compute(OpKernelContext* context) override {
    for (int i : {1, 2, 9, 10}) {
      OP_REQUIRES_OK(context, CheckRank(kNames[i], context->input(i), 0));
    }
    const Tensor& w_scale = context->input(6);
    OP_REQUIRES_OK(context, CheckPerOutput("w_scale", w_scale, units(),
                                           /*optional=*/false));
    MatmulCall call;
    call.x_scale = context->input(1).scalar<float>()();
    call.x_zero_point = context->input(2).scalar<int32_t>()();
    call.w_scale = w_scale.vec<float>().data();
    call.y_scale = context->input(9).scalar<float>()();
    call.y_zero_point = context->input(10).scalar<int32_t>()();
    Multiply(context, /*data=*/3, /*bias=*/7, call);
  }

 private:
  static constexpr const char* kNames[] = {"x",        "x_scale", "x_zero_point", "data",
                                           "indices",  "indptr",  "w_scale",      "bias",
                                           "residual", "y_scale", "y_zero_point"};
};

REGISTER_KERNEL_BUILDER(Name("Tfsparse>BlockSparseMatMul").Device(DEVICE_CPU), BlockSparseMatMulOp);
REGISTER_KERNEL_BUILDER(Name("Tfsparse>QuantizedBlockSparseMatMul").Device(DEVICE_CPU),
                        QuantizedBlockSparseMatMulOp);

}  // namespace
}  // namespace tfsparse
