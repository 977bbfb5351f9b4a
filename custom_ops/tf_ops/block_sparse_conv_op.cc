// Tfsparse>BlockSparseConv2D and Tfsparse>QuantizedBlockSparseConv2D: their interface. The kernel
// is in block_sparse_conv_kernels.cc.

#include "custom_ops/tf_ops/conv_shape.h"
#include "custom_ops/tf_ops/registration.h"
#include "custom_ops/tf_ops/shared_attributes.h"
#include "tensorflow/core/framework/op.h"

namespace tfsparse {
namespace {

void RegisterConv() {
  REGISTER_OP("Tfsparse>BlockSparseConv2D")
      .Input("x: float")
      .Input("data: T")
      .Input("indices: int32")
      .Input("indptr: int32")
      .Input("bias: float")
      .Input("residual: float")
      .Output("y: float")
      .Attr("filters: int >= 1")
      .Attr("kernel_size: list(int)")
      .Attr(kStrides)
      .Attr("dilations: list(int) = [1, 1]")
      .Attr(kPaddings)
      .Attr(kPadding)
      .Attr("groups: int = 1")
      .Attr(kActivation)
      .Attr("is_weight_const: bool = false")
      .Attr("inputs: int = 0")
      .Attr("T: {float, bfloat16} = DT_FLOAT")
      .SetShapeFn(ConvShape)
      .Doc(R"doc(
Convolves images with block-sparse kernels: y = activation(conv(x, W) + bias + residual).

W has the shape [filters, kernel height * kernel width * C / groups], the channel fastest, and is
stored as scipy.sparse.bsr_matrix stores it, in blocks of A outputs by B inputs.

x: [N, H, W, C].
data: [blocks, A, B], A and B in 1..64. A divides filters / groups, if there are groups.
indices: [blocks], the block column of each block, rising inside a block row.
indptr: [ceil(filters / A) + 1], the first block of each block row, and their number.
bias: [filters], or [0] for none.
residual: y's shape, added before the activation, or [0] for none.
y: [N, Ho, Wo, filters].
filters: The rows of W.
kernel_size: Height and width. A filter has at most 2^22 inputs.
strides: Along height and width.
dilations: Along height and width.
paddings: Zeros at the top, bottom, left and right of x.
padding: EXPLICIT takes `paddings`; SAME pads as TensorFlow's SAME does for the size of x, and
  `paddings` are 0.
groups: Group g has filters [g * filters / groups, (g + 1) * filters / groups), and channels
  likewise.
activation: What is applied to each output, by Keras's names; gelu_tanh is GELU's
  approximation by tanh.
is_weight_const: Promises that the arrays of W never change in place (they come from
  a constant), so that they need not be compared with those seen before.
inputs: C, which x has to have; 0 takes it from x.
T: Type of the weights. Beside bfloat16 weights x is rounded to bfloat16, to the nearest and
  half to even; products and acc are float.
)doc");
}

void RegisterQuantizedConv() {
  REGISTER_OP("Tfsparse>QuantizedBlockSparseConv2D")
      .Input("x: Tin")
      .Input("x_scale: float")
      .Input("x_zero_point: int32")
      .Input("data: int8")
      .Input("indices: int32")
      .Input("indptr: int32")
      .Input("w_scale: float")
      .Input("bias: float")
      .Input("residual: Tresidual")
      .Input("residual_scale: float")
      .Input("residual_zero_point: int32")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr("filters: int >= 1")
      .Attr("kernel_size: list(int)")
      .Attr(kStrides)
      .Attr("dilations: list(int) = [1, 1]")
      .Attr(kPaddings)
      .Attr(kPadding)
      .Attr("groups: int = 1")
      .Attr(kActivation)
      .Attr("is_weight_const: bool = false")
      .Attr("inputs: int = 0")
      .Attr("Tin: {float, uint8}")
      .Attr("Tout: {float, uint8}")
      .Attr("Tresidual: {float, uint8}")
      .SetShapeFn(ConvShape)
      .Doc(R"doc(
Convolves uint8 images with block-sparse int8 kernels.

A quantized x stands for x_scale * (x - x_zero_point), a weight of filter n for
w_scale[n] * data; the padding of x is its zero point:

  y = activation(x_scale * w_scale[n] * sum_k (patch[k] - x_zero_point) * W[n, k] + bias[n] +
                 residual[n])

Sums are exact. A float x is quantized first, to round(x / x_scale) + x_zero_point in
[0, 255], half to even; a uint8 y is made likewise with y_scale and y_zero_point. A uint8
residual stands for residual_scale * (residual - residual_zero_point).

x: [N, H, W, C].
x_scale: Finite and positive.
x_zero_point: In [0, 255].
data: [blocks, A, B], A and B in 1..64. A divides filters / groups, if there are groups.
indices: [blocks], the block column of each block, rising inside a block row.
indptr: [ceil(filters / A) + 1], the first block of each block row, and their number.
w_scale: [filters].
bias: [filters], or [0] for none.
residual: y's shape, added before the activation, or [0] for none.
residual_scale: Finite and positive; used for a uint8 residual.
residual_zero_point: In [0, 255]; used for a uint8 residual.
y_scale: Finite and positive; used for uint8 y.
y_zero_point: In [0, 255]; used for uint8 y.
y: [N, Ho, Wo, filters].
filters, kernel_size, strides, dilations, paddings, padding, groups: As in BlockSparseConv2D.
activation: What is applied to each output, by Keras's names; gelu_tanh is GELU's
  approximation by tanh.
is_weight_const, inputs: As in BlockSparseConv2D.
)doc");
}

}  // namespace

void RegisterConvOps() {
  RegisterConv();
  RegisterQuantizedConv();
}

}  // namespace tfsparse
