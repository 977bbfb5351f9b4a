// The kernel of all ops: check what TensorFlow hands over, find the packed weights, run the
// chain of layers, of which a MatMul has one. Ranks are checked here, as a tensor has them;
// everything about values and sizes is checked by Matmul.

#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/chain.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/op_within_memory.h"
#include "custom_ops/tf_ops/output_buffers.h"
#include "custom_ops/tf_ops/prepared_weights.h"
#include "custom_ops/tf_ops/registration.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {
namespace {

using ::tensorflow::bfloat16;
using ::tensorflow::DataTypeVector;
using ::tensorflow::DEVICE_CPU;
using ::tensorflow::DT_UINT8;
using ::tensorflow::OpInputList;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

// The inputs that each layer has one of; of int8 weights the last three as well.
struct LayerInputs {
  absl::Status Read(OpKernelContext* context, bool quantized) {
    TF_RETURN_IF_ERROR(context->input_list("data", &data));
    TF_RETURN_IF_ERROR(context->input_list("indices", &indices));
    TF_RETURN_IF_ERROR(context->input_list("indptr", &indptr));
    TF_RETURN_IF_ERROR(context->input_list("bias", &bias));
    if (!quantized) return absl::OkStatus();
    TF_RETURN_IF_ERROR(context->input_list("x_scale", &x_scale));
    TF_RETURN_IF_ERROR(context->input_list("x_zero_point", &x_zero_point));
    return context->input_list("w_scale", &w_scale);
  }

  OpInputList data, indices, indptr, bias, x_scale, x_zero_point, w_scale;
};

// T is the type of the weights.
template <typename T>
class ChainOp : public OpWithinMemory {
 public:
  explicit ChainOp(OpKernelConstruction* context) : OpWithinMemory(context) {
    std::vector<std::string> activations;
    OP_REQUIRES_OK(context, GetLayers(context, &activations));
    OP_REQUIRES_OK(context, context->GetAttr("inputs", &inputs_));
    OP_REQUIRES_OK(context, context->GetAttr("x_axes", &x_axes_));
    OP_REQUIRES_OK(context, ToAbsl(CheckDepth(inputs_, x_axes_)));
    OP_REQUIRES_OK(context, context->GetAttr("x_sizes", &x_sizes_));
    OP_REQUIRES_OK(context, ToAbsl(CheckSizes(inputs_, x_axes_, x_sizes_)));
    OP_REQUIRES_OK(context, context->GetAttr("y_axes", &y_axes_));
    OP_REQUIRES_OK(context, ToAbsl(ResolveAxes(units_.back(), &y_axes_)));
    bool is_weight_const;
    OP_REQUIRES_OK(context, context->GetAttr("is_weight_const", &is_weight_const));
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsaFor<T>(&isa_)));
    for (const std::string& activation : activations) {
      activations_.emplace_back();
      OP_REQUIRES_OK(context, ParseActivation(activation, &activations_.back()));
      weights_.push_back(std::make_unique<PreparedWeights<T>>(is_weight_const));
    }
  }

 private:
  std::string Needs(OpKernelContext* context) const override {
    return "packed weights and activations. Received: units=" + std::to_string(units_.back()) +
           ", x of shape " + context->input(0).shape().DebugString();
  }

  static constexpr bool kQuantized = std::is_same_v<T, int8_t>;

  absl::Status GetLayers(OpKernelConstruction* context, std::vector<std::string>* activations) {
    if (!context->HasAttr("activations")) {
      TF_RETURN_IF_ERROR(context->GetAttr("units", &units_.emplace_back()));
      return context->GetAttr("activation", &activations->emplace_back());
    }
    TF_RETURN_IF_ERROR(context->GetAttr("units", &units_));
    TF_RETURN_IF_ERROR(context->GetAttr("activations", activations));
    TF_RETURN_IF_ERROR(CheckPerLayer("activations", activations->size()));
    for (const char* inputs : {"T", "Tint", "Tfloat"}) {
      DataTypeVector types;
      TF_RETURN_IF_ERROR(context->GetAttr(inputs, &types));
      TF_RETURN_IF_ERROR(CheckPerLayer(inputs, types.size()));
    }
    if (units_.empty() || units_.size() > kMaxLayers) {
      return ToAbsl(Status::Invalid("`units` should have 1 to ", kMaxLayers,
                                    " elements, one per layer. Received: ", units_.size()));
    }
    for (int64_t units : units_) {
      if (units < 1) {
        return ToAbsl(Status::Invalid("`units` should be at least 1. Received: units=", units));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckPerLayer(const char* name, size_t elements) const {
    if (elements == units_.size()) return absl::OkStatus();
    return ToAbsl(Status::Invalid("`units`, `activations` and the lists of inputs should have an ",
                                  "element for each layer. Received: ", units_.size(), " units, ",
                                  elements, " of ", name));
  }

  int count() const { return static_cast<int>(units_.size()); }
  InputName Name(const char* name, int layer) const { return {name, count() == 1 ? -1 : layer}; }

  absl::Status TryCompute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    int64_t rows, features;
    TF_RETURN_IF_ERROR(ToAbsl(SplitShape(x.shape(), x_axes_, inputs_, &rows, &features)));
    TF_RETURN_IF_ERROR(ToAbsl(CheckLastAxes(x.shape(), x_sizes_)));
    LayerInputs inputs;
    TF_RETURN_IF_ERROR(inputs.Read(context, kQuantized));
    std::array<ChainLayer<T>, kMaxLayers> layers;
    std::array<std::shared_ptr<const SparseLayer<T>>, kMaxLayers> matmuls;
    const Threads threads = IntraOpThreads(context);
    for (int i = 0; i < count(); ++i) {
      LayerCall& call = layers[i].call;
      TF_RETURN_IF_ERROR(FillCall(inputs, i, &call));
      TF_RETURN_IF_ERROR(FindWeights(inputs, i, features, threads, &matmuls[i]));
      layers[i].matmul = matmuls[i].get();
      call.rows = rows;
      features = units_[i];
    }
    layers[0].call.x.data = x.data();
    layers[0].call.x.is_u8 = x.dtype() == DT_UINT8;
    TF_RETURN_IF_ERROR(FillResult(context, &layers[count() - 1].call));
    return ToAbsl(Chain<T>(layers.data(), count()).Run(threads));
  }

  absl::Status FillCall(const LayerInputs& inputs, int layer, LayerCall* call) const {
    const Tensor& bias = inputs.bias[layer];
    TF_RETURN_IF_ERROR(CheckPerOutput(Name("bias", layer), bias, units_[layer],
                                      /*optional=*/true));
    call->epilogue.bias = bias.NumElements() == 0 ? nullptr : bias.vec<float>().data();
    call->epilogue.activation = activations_[layer];
    if constexpr (kQuantized) {
      const Tensor& scale = inputs.x_scale[layer];
      const Tensor& zero_point = inputs.x_zero_point[layer];
      const Tensor& w_scale = inputs.w_scale[layer];
      TF_RETURN_IF_ERROR(CheckRank(Name("x_scale", layer), scale, 0));
      TF_RETURN_IF_ERROR(CheckRank(Name("x_zero_point", layer), zero_point, 0));
      TF_RETURN_IF_ERROR(CheckPerOutput(Name("w_scale", layer), w_scale, units_[layer],
                                        /*optional=*/false));
      call->quantization.x_scale = scale.scalar<float>()();
      call->quantization.x_zero_point = zero_point.scalar<int32_t>()();
      call->quantization.w_scale = w_scale.vec<float>().data();
    }
    return absl::OkStatus();
  }

  absl::Status FindWeights(const LayerInputs& inputs, int layer, int64_t features,
                           const Threads& threads, std::shared_ptr<const SparseLayer<T>>* matmul) {
    const WeightTensors weights = {inputs.data[layer], inputs.indices[layer], inputs.indptr[layer]};
    TF_RETURN_IF_ERROR(CheckRank(Name("data", layer), weights.data, 3));
    TF_RETURN_IF_ERROR(CheckRank(Name("indices", layer), weights.indices, 1));
    TF_RETURN_IF_ERROR(CheckRank(Name("indptr", layer), weights.indptr, 1));
    return ToAbsl(weights_[layer]->Get(weights, units_[layer], features, isa_, threads, matmul));
  }

  // What only the last layer has.
  absl::Status FillResult(OpKernelContext* context, LayerCall* call) const {
    const Tensor& x = context->input(0);
    TensorShape y_shape = x.shape();
    y_shape.RemoveLastDims(static_cast<int>(x_axes_));
    for (int64_t size : y_axes_) TF_RETURN_IF_ERROR(y_shape.AddDimWithStatus(size));
    const Tensor* residual;
    TF_RETURN_IF_ERROR(context->input("residual", &residual));
    TF_RETURN_IF_ERROR(CheckResidual(*residual, y_shape));
    call->epilogue.residual.data =
        residual->NumElements() == 0 ? nullptr : residual->flat<float>().data();
    if constexpr (kQuantized) {
      const Tensor *scale, *zero_point;
      TF_RETURN_IF_ERROR(context->input("y_scale", &scale));
      TF_RETURN_IF_ERROR(context->input("y_zero_point", &zero_point));
      TF_RETURN_IF_ERROR(CheckRank({"y_scale"}, *scale, 0));
      TF_RETURN_IF_ERROR(CheckRank({"y_zero_point"}, *zero_point, 0));
      call->quantization.y_scale = scale->scalar<float>()();
      call->quantization.y_zero_point = zero_point->scalar<int32_t>()();
    }
    Tensor* y = nullptr;
    TF_RETURN_IF_ERROR(AllocateOutput(context, 0, y_shape, &y));
    call->y.data = y->data();
    call->y.is_u8 = y->dtype() == DT_UINT8;
    return absl::OkStatus();
  }

  std::vector<int64_t> units_, x_sizes_, y_axes_;
  int64_t inputs_ = 0, x_axes_ = 1;
  std::vector<Activation> activations_;
  Isa isa_ = Isa::kPortable;
  std::vector<std::unique_ptr<PreparedWeights<T>>> weights_;
};

}  // namespace

void RegisterMatMulKernels() {
#define TFSPARSE_REGISTER(kernel, T) REGISTER_KERNEL_BUILDER(kernel.Device(DEVICE_CPU), ChainOp<T>)
  TFSPARSE_REGISTER(Name("Tfsparse>BlockSparseMatMul").TypeConstraint<float>("T"), float);
  TFSPARSE_REGISTER(Name("Tfsparse>BlockSparseMatMulChain").TypeConstraint<float>("T"), float);
  TFSPARSE_REGISTER(Name("Tfsparse>BlockSparseMatMul").TypeConstraint<bfloat16>("T"), BFloat16);
  TFSPARSE_REGISTER(Name("Tfsparse>BlockSparseMatMulChain").TypeConstraint<bfloat16>("T"),
                    BFloat16);
  TFSPARSE_REGISTER(Name("Tfsparse>QuantizedBlockSparseMatMul"), int8_t);
  TFSPARSE_REGISTER(Name("Tfsparse>QuantizedBlockSparseMatMulChain"), int8_t);
#undef TFSPARSE_REGISTER
}

}  // namespace tfsparse
