// Tfsparse>BlockSparseMatMul, Tfsparse>QuantizedBlockSparseMatMul and the chains of either: their
// interface. The kernel is in block_sparse_matmul_kernels.cc.

#include "custom_ops/tf_ops/matmul_shape.h"
#include "custom_ops/tf_ops/registration.h"
#include "custom_ops/tf_ops/shared_attributes.h"
#include "tensorflow/core/framework/op.h"

namespace tfsparse {
namespace {

// Inputs that a chain has one of for each layer. Not a number N of them: TensorFlow lists N types
// before anybody can refuse, and a file may say that there are billions.
constexpr char kIntPerLayer[] = "Tint: list({int32}) >= 1";
constexpr char kFloatPerLayer[] = "Tfloat: list({float}) >= 1";

void RegisterMatMul() {
  REGISTER_OP("Tfsparse>BlockSparseMatMul")
      .Input("x: float")
      .Input("data: T")
      .Input("indices: int32")
      .Input("indptr: int32")
      .Input("bias: float")
      .Input("residual: float")
      .Output("y: float")
      .Attr("units: int >= 1")
      .Attr(kActivation)
      .Attr("is_weight_const: bool = false")
      .Attr("inputs: int = 0")
      .Attr("x_axes: int = 1")
      .Attr("x_sizes: list(int) = []")
      .Attr("y_axes: list(int) = []")
      .Attr("T: {float, bfloat16} = DT_FLOAT")
      .SetShapeFn(MatMulShape)
      .Doc(R"doc(
Multiplies by a block-sparse weight matrix: y = activation(x * transpose(W) + bias +
residual).

W has the shape [units, K] and is stored as scipy.sparse.bsr_matrix stores it, in
blocks of A outputs by B inputs.

x: [..., K], of rank 2 or more; K may be spread over `x_axes` axes.
data: [blocks, A, B], A and B in 1..64.
indices: [blocks], the block column of each block, rising inside a block row.
indptr: [ceil(units / A) + 1], the first block of each block row, and their number.
bias: [units], or [0] for none.
residual: [..., units], added before the activation, or [0] for none.
y: [..., units].
units: Outputs, the rows of W.
activation: What is applied to each output, by Keras's names; gelu_tanh is GELU's
  approximation by tanh.
is_weight_const: Promises that the arrays of W never change in place (they come from
  a constant), so that they need not be compared with those seen before.
inputs: K, which x has to have; 0 takes it from x.
x_axes: How many axes at the end of x hold the K inputs together, 1 to 8.
x_sizes: The sizes that those axes have to have; [] for any that hold K together.
y_axes: Sizes of the axes at the end of y that hold the outputs together, at max 8; [] for one
  axis.
T: Type of the weights. Beside bfloat16 weights x is rounded to bfloat16, to the nearest and
  half to even; products and acc are float.
)doc");
}

void RegisterQuantizedMatMul() {
  REGISTER_OP("Tfsparse>QuantizedBlockSparseMatMul")
      .Input("x: Tin")
      .Input("x_scale: float")
      .Input("x_zero_point: int32")
      .Input("data: int8")
      .Input("indices: int32")
      .Input("indptr: int32")
      .Input("w_scale: float")
      .Input("bias: float")
      .Input("residual: float")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr("units: int >= 1")
      .Attr(kActivation)
      .Attr("Tin: {float, uint8}")
      .Attr("Tout: {float, uint8}")
      .Attr("is_weight_const: bool = false")
      .Attr("inputs: int = 0")
      .Attr("x_axes: int = 1")
      .Attr("x_sizes: list(int) = []")
      .Attr("y_axes: list(int) = []")
      .SetShapeFn(MatMulShape)
      .Doc(R"doc(
Multiplies uint8 activations by a block-sparse int8 weight matrix.

A quantized x stands for x_scale * (x - x_zero_point), a weight of output n for
w_scale[n] * data:

  y = activation(x_scale * w_scale[n] * sum_k (x[k] - x_zero_point) * W[n, k] + bias[n] +
                 residual[n])

Sums are exact. A float x is quantized first, to round(x / x_scale) + x_zero_point in
[0, 255], half to even; a uint8 y is made likewise with y_scale and y_zero_point.

x: [..., K], of rank 2 or more; K may be spread over `x_axes` axes.
x_scale: Finite and positive.
x_zero_point: In [0, 255].
data: [blocks, A, B], A and B in 1..64.
indices: [blocks], the block column of each block, rising inside a block row.
indptr: [ceil(units / A) + 1], the first block of each block row, and their number.
w_scale: [units].
bias: [units], or [0] for none.
residual: [..., units], added before the activation, or [0] for none.
y_scale: Finite and positive; used for uint8 y.
y_zero_point: In [0, 255]; used for uint8 y.
y: [..., units].
units: Outputs, the rows of W.
activation: What is applied to each output, by Keras's names; gelu_tanh is GELU's
  approximation by tanh.
is_weight_const, inputs, x_axes, x_sizes, y_axes: As in BlockSparseMatMul.
)doc");
}

void RegisterChain() {
  REGISTER_OP("Tfsparse>BlockSparseMatMulChain")
      .Input("x: float")
      .Input("data: T")
      .Input("indices: Tint")
      .Input("indptr: Tint")
      .Input("bias: Tfloat")
      .Input("residual: float")
      .Output("y: float")
      .Attr("units: list(int)")
      .Attr(kActivations)
      .Attr("is_weight_const: bool = false")
      .Attr("inputs: int = 0")
      .Attr("x_axes: int = 1")
      .Attr("x_sizes: list(int) = []")
      .Attr("y_axes: list(int) = []")
      .Attr("T: list({float, bfloat16}) >= 1")
      .Attr(kIntPerLayer)
      .Attr(kFloatPerLayer)
      .SetShapeFn(MatMulShape)
      .Doc(R"doc(
BlockSparseMatMul of several layers, each of the result of the one before.

A tile of rows goes through all layers while it is in the cache. The result is that of the
ops one after the other, to the last bit.

x: [..., K], of rank 2 or more; K may be spread over `x_axes` axes.
data, indices, indptr: Each layer's weights. Its inputs are the units of the layer before.
bias: Each layer's, or [0] for none.
residual: [..., units of the last layer], added before its activation, or [0] for none.
y: [..., units of the last layer].
units: Outputs of each of at max 16 layers.
activations: Of each layer.
T: Types of the weights of each layer, all of them one.
Tint, Tfloat: int32 and float, once for each layer: a list is no longer than the file that holds
  it, where a number of layers could be anything.
is_weight_const, inputs, x_axes, x_sizes, y_axes: As in BlockSparseMatMul; `y_axes` are those of
  the last layer, `inputs` and what is said of x that of the first.
)doc");
}

void RegisterQuantizedChain() {
  REGISTER_OP("Tfsparse>QuantizedBlockSparseMatMulChain")
      .Input("x: Tin")
      .Input("x_scale: Tfloat")
      .Input("x_zero_point: Tint")
      .Input("data: T")
      .Input("indices: Tint")
      .Input("indptr: Tint")
      .Input("w_scale: Tfloat")
      .Input("bias: Tfloat")
      .Input("residual: float")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr("units: list(int)")
      .Attr(kActivations)
      .Attr("T: list({int8}) >= 1")
      .Attr(kIntPerLayer)
      .Attr(kFloatPerLayer)
      .Attr("Tin: {float, uint8}")
      .Attr("Tout: {float, uint8}")
      .Attr("is_weight_const: bool = false")
      .Attr("inputs: int = 0")
      .Attr("x_axes: int = 1")
      .Attr("x_sizes: list(int) = []")
      .Attr("y_axes: list(int) = []")
      .SetShapeFn(MatMulShape)
      .Doc(R"doc(
QuantizedBlockSparseMatMul of several layers, each of the result of the one before, which is uint8.

A tile of rows goes through all layers while it is in the cache. The result is that of the
ops one after the other, to the last bit.

x: [..., K], of rank 2 or more; K may be spread over `x_axes` axes.
x_scale, x_zero_point: Of each layer's x, and so of the result of the layer before.
data, indices, indptr: Each layer's weights. Its inputs are the units of the layer before.
w_scale: Each layer's.
bias: Each layer's, or [0] for none.
residual: [..., units of the last layer], added before its activation, or [0] for none.
y_scale, y_zero_point: Of the last layer's result; used for uint8.
y: [..., units of the last layer].
units: Outputs of each of at max 16 layers.
activations: Of each layer.
T, Tint, Tfloat: int8, int32 and float, once for each layer.
is_weight_const, inputs, x_axes, x_sizes, y_axes: As in BlockSparseMatMul.
)doc");
}

}  // namespace

void RegisterMatMulOps() {
  RegisterMatMul();
  RegisterQuantizedMatMul();
  RegisterChain();
  RegisterQuantizedChain();
}

}  // namespace tfsparse
