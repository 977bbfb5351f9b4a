// Tfsparse>BlockSparseMatMul and Tfsparse>QuantizedBlockSparseMatMul: interface
// and shape functions. The kernels are in block_sparse_matmul_kernels.cc.

#include <string>
#include <vector>

#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// Ranks of the inputs, and y's shape: x's with `units` in the place of the last
// dimension.
absl::Status MatMulShape(InferenceContext* c, int x, int data, const std::vector<int>& vectors,
                         const std::vector<int>& scalars) {
  ShapeHandle x_shape, unused;
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(x), 2, &x_shape));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(data), 3, &unused));
  for (int i : vectors) TF_RETURN_IF_ERROR(c->WithRank(c->input(i), 1, &unused));
  for (int i : scalars) TF_RETURN_IF_ERROR(c->WithRank(c->input(i), 0, &unused));
  int64_t units;
  TF_RETURN_IF_ERROR(c->GetAttr("units", &units));
  // A graph from a file reaches this before its attributes are checked, and a negative
  // dimension ends the process.
  if (units < 1) {
    return absl::InvalidArgumentError("`units` should be at least 1. Received: units=" +
                                      std::to_string(units));
  }
  ShapeHandle y_shape;
  TF_RETURN_IF_ERROR(c->ReplaceDim(x_shape, -1, c->MakeDim(units), &y_shape));
  c->set_output(0, y_shape);
  return absl::OkStatus();
}

constexpr char kActivation[] =
    "activation: {'linear', 'relu', 'relu6', 'gelu', 'gelu_tanh', 'sigmoid', 'tanh', 'silu'} = "
    "'linear'";

}  // namespace

REGISTER_OP("Tfsparse>BlockSparseMatMul")
    .Input("x: float")
    .Input("data: float")
    .Input("indices: int32")
    .Input("indptr: int32")
    .Input("bias: float")
    .Input("residual: float")
    .Output("y: float")
    .Attr("units: int >= 1")
    .Attr(kActivation)
    .Attr("is_weight_const: bool = false")
    .SetShapeFn([](InferenceContext* c) { return MatMulShape(c, 0, 1, {2, 3, 4}, {}); })
    .Doc(R"doc(
Multiplies by a block-sparse weight matrix: y = activation(x * transpose(W) + bias +
residual).

W has the shape [units, K] and is stored as scipy.sparse.bsr_matrix stores it, in
blocks of A outputs by B inputs.

x: [..., K], of rank 2 or more.
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
)doc");

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
    .SetShapeFn([](InferenceContext* c) {
      return MatMulShape(c, 0, 3, {4, 5, 6, 7}, {1, 2, 9, 10});
    })
    .Doc(R"doc(
Multiplies uint8 activations by a block-sparse int8 weight matrix.

A quantized x stands for x_scale * (x - x_zero_point), a weight of output n for
w_scale[n] * data:

  y = activation(x_scale * w_scale[n] * sum_k (x[k] - x_zero_point) * W[n, k] + bias[n] +
                 residual[n])

Sums are exact. A float x is quantized first, to round(x / x_scale) + x_zero_point in
[0, 255], half to even; a uint8 y is made likewise with y_scale and y_zero_point.

x: [..., K], of rank 2 or more.
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
is_weight_const: As in BlockSparseMatMul.
)doc");

}  // namespace tfsparse
