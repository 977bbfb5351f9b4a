// The kernel of the convolutions: check what TensorFlow hands over, find the packed weights, run.
// Ranks are checked here, as a tensor has them; everything about values and sizes is checked by
// Conv.

#include <memory>
#include <string>
#include <type_traits>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/conv/conv.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/conv/filter_group.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/tf_ops/conv_attributes.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/op_within_memory.h"
#include "custom_ops/tf_ops/output_buffers.h"
#include "custom_ops/tf_ops/prepared_weights.h"
#include "custom_ops/tf_ops/registration.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfsparse {
namespace {

using ::tensorflow::bfloat16;
using ::tensorflow::DEVICE_CPU;
using ::tensorflow::DT_UINT8;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

// T is the type of the weights.
template <typename T>
class ConvOp : public OpWithinMemory {
 public:
  explicit ConvOp(OpKernelConstruction* context) : OpWithinMemory(context) {
    OP_REQUIRES_OK(context, attributes_.Read(context));
    std::string activation;
    OP_REQUIRES_OK(context, context->GetAttr("activation", &activation));
    OP_REQUIRES_OK(context, ParseActivation(activation, &activation_));
    bool is_weight_const;
    OP_REQUIRES_OK(context, context->GetAttr("is_weight_const", &is_weight_const));
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsaFor<T>(&isa_)));
    weights_ = std::make_unique<PreparedWeights<T, Conv<T>>>(is_weight_const);
  }

 private:
  std::string Needs(OpKernelContext* context) const override {
    return "packed weights and patches. Received: filters=" +
           std::to_string(attributes_.filters()) + ", x of shape " +
           context->input(0).shape().DebugString();
  }

  static constexpr bool kQuantized = std::is_same_v<T, int8_t>;

  absl::Status TryCompute(OpKernelContext* context) override {
    ConvCall call;
    TF_RETURN_IF_ERROR(FillGeometry(context->input(0), &call.geometry));
    TF_RETURN_IF_ERROR(FillInputs(context, &call.call));
    const Threads threads = IntraOpThreads(context);
    std::shared_ptr<const Conv<T>> conv;
    TF_RETURN_IF_ERROR(FindWeights(context, call.geometry, threads, &conv));
    TF_RETURN_IF_ERROR(FillResult(context, &call));
    return ToAbsl(conv->Run(call, threads));
  }

  absl::Status FillGeometry(const Tensor& x, ConvGeometry* geometry) const {
    TF_RETURN_IF_ERROR(CheckRank({"x"}, x, 4));
    TF_RETURN_IF_ERROR(ToAbsl(attributes_.CheckChannels(x.dim_size(3))));
    geometry->batch = x.dim_size(0);
    geometry->height = attributes_.window().height(x.dim_size(1));
    geometry->width = attributes_.window().width(x.dim_size(2));
    geometry->channels = x.dim_size(3);
    geometry->filters = attributes_.filters();
    geometry->groups = attributes_.groups();
    return ToAbsl(Validate(*geometry));
  }

  absl::Status FillInputs(OpKernelContext* context, LayerCall* call) const {
    const Tensor& x = context->input(0);
    call->x.data = x.data();
    call->x.is_u8 = x.dtype() == DT_UINT8;
    call->epilogue.activation = activation_;
    const Tensor* bias;
    TF_RETURN_IF_ERROR(context->input("bias", &bias));
    TF_RETURN_IF_ERROR(CheckPerOutput({"bias"}, *bias, attributes_.filters(), /*optional=*/true));
    call->epilogue.bias = bias->NumElements() == 0 ? nullptr : bias->vec<float>().data();
    if constexpr (kQuantized) {
      const Tensor* w_scale;
      TF_RETURN_IF_ERROR(context->input("w_scale", &w_scale));
      TF_RETURN_IF_ERROR(
          CheckPerOutput({"w_scale"}, *w_scale, attributes_.filters(), /*optional=*/false));
      call->quantization.w_scale = w_scale->vec<float>().data();
      TF_RETURN_IF_ERROR(ReadScalar(context, "x_scale", &call->quantization.x_scale));
      TF_RETURN_IF_ERROR(ReadScalar(context, "x_zero_point", &call->quantization.x_zero_point));
      TF_RETURN_IF_ERROR(ReadScalar(context, "residual_scale", &call->epilogue.residual.scale));
      TF_RETURN_IF_ERROR(
          ReadScalar(context, "residual_zero_point", &call->epilogue.residual.zero_point));
      TF_RETURN_IF_ERROR(ReadScalar(context, "y_scale", &call->quantization.y_scale));
      TF_RETURN_IF_ERROR(ReadScalar(context, "y_zero_point", &call->quantization.y_zero_point));
    }
    return absl::OkStatus();
  }

  absl::Status FindWeights(OpKernelContext* context, const ConvGeometry& geometry,
                           const Threads& threads, std::shared_ptr<const Conv<T>>* conv) {
    const Tensor *data, *indices, *indptr;
    TF_RETURN_IF_ERROR(context->input("data", &data));
    TF_RETURN_IF_ERROR(context->input("indices", &indices));
    TF_RETURN_IF_ERROR(context->input("indptr", &indptr));
    TF_RETURN_IF_ERROR(CheckRank({"data"}, *data, 3));
    TF_RETURN_IF_ERROR(CheckRank({"indices"}, *indices, 1));
    TF_RETURN_IF_ERROR(CheckRank({"indptr"}, *indptr, 1));
    const FilterGroups groups = {geometry.groups, geometry.height.kernel * geometry.width.kernel};
    return ToAbsl(weights_->Get({*data, *indices, *indptr}, geometry.filters, geometry.inputs(),
                                isa_, threads, conv, groups));
  }

  absl::Status FillResult(OpKernelContext* context, ConvCall* call) const {
    const ConvGeometry& geometry = call->geometry;
    TensorShape y_shape;
    for (int64_t size :
         {geometry.batch, geometry.height.out(), geometry.width.out(), geometry.filters}) {
      TF_RETURN_IF_ERROR(y_shape.AddDimWithStatus(size));
    }
    const Tensor* residual;
    TF_RETURN_IF_ERROR(context->input("residual", &residual));
    TF_RETURN_IF_ERROR(CheckResidual(*residual, y_shape));
    call->call.epilogue.residual.data = residual->NumElements() == 0 ? nullptr : residual->data();
    call->call.epilogue.residual.is_u8 = residual->dtype() == DT_UINT8;
    Tensor* y = nullptr;
    TF_RETURN_IF_ERROR(AllocateOutput(context, 0, y_shape, &y));
    call->call.y.data = y->data();
    call->call.y.is_u8 = y->dtype() == DT_UINT8;
    return absl::OkStatus();
  }

  ConvAttributes attributes_;
  Activation activation_ = Activation::kLinear;
  Isa isa_ = Isa::kPortable;
  std::unique_ptr<PreparedWeights<T, Conv<T>>> weights_;
};

}  // namespace

void RegisterConvKernels() {
#define TFSPARSE_REGISTER(kernel, T) REGISTER_KERNEL_BUILDER(kernel.Device(DEVICE_CPU), ConvOp<T>)
  TFSPARSE_REGISTER(Name("Tfsparse>BlockSparseConv2D").TypeConstraint<float>("T"), float);
  TFSPARSE_REGISTER(Name("Tfsparse>BlockSparseConv2D").TypeConstraint<bfloat16>("T"), BFloat16);
  TFSPARSE_REGISTER(Name("Tfsparse>QuantizedBlockSparseConv2D"), int8_t);
#undef TFSPARSE_REGISTER
}

}  // namespace tfsparse
