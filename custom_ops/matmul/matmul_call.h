#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_MATMUL_CALL_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_MATMUL_CALL_H_

#include <cstdint>

#include "custom_ops/base/status.h"
#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/matmul/input_source.h"

namespace tfsparse {

// Layers that a chain may have (chain.h).
inline constexpr int kMostLayers = 16;

// One product by given weights of `in` inputs and `out` outputs.
struct MatmulCall {
  const void* x = nullptr;              // [rows, in] row-major
  bool x_is_u8 = false;                 // else float
  int64_t x_stride = 0;                 // elements from row to row; 0 for `in`
  const InputSource* source = nullptr;  // gives the rows instead of x and x_stride, or null
  int64_t rows = 0;
  const float* bias = nullptr;     // [out], or null for none
  const void* residual = nullptr;  // [rows, out] row-major, or null for none
  bool residual_is_u8 = false;     // else float
  Activation activation = Activation::kLinear;
  void* y = nullptr;     // [rows, out] row-major
  bool y_is_u8 = false;  // else float
  int64_t y_stride = 0;  // elements from row to row of y and of the residual; 0 for `out`

  // int8 weights only.
  float x_scale = 1.0f;
  int32_t x_zero_point = 0;
  const float* w_scale = nullptr;  // [out]
  float y_scale = 1.0f;            // uint8 y only
  int32_t y_zero_point = 0;
  float residual_scale = 1.0f;  // uint8 residual only
  int32_t residual_zero_point = 0;

  // Of `in` inputs and `out` outputs.
  int64_t x_step(int64_t in) const { return x_stride == 0 ? in : x_stride; }
  int64_t y_step(int64_t out) const { return y_stride == 0 ? out : y_stride; }

  int64_t x_bytes() const { return x_is_u8 ? 1 : sizeof(float); }
  int64_t y_bytes() const { return y_is_u8 ? 1 : sizeof(float); }
  int64_t residual_bytes() const { return residual_is_u8 ? 1 : sizeof(float); }

  // The place of an element; of a residual that there is not, null.
  const void* x_at(int64_t element) const {
    return static_cast<const char*>(x) + element * x_bytes();
  }
  void* y_at(int64_t element) const { return static_cast<char*>(y) + element * y_bytes(); }
  const void* residual_at(int64_t element) const {
    if (residual == nullptr) return nullptr;
    return static_cast<const char*>(residual) + element * residual_bytes();
  }

  // Whether a uint8 y is computed in units of its scale from the start, so that quantizing it
  // is rounding it. Only where scaling before the activation is scaling after it.
  bool folds_y_scale() const {
    return y_is_u8 && (residual == nullptr || residual_is_u8) &&
           (activation == Activation::kLinear || activation == Activation::kRelu);
  }
  // What sums, bias and residual are multiplied by therefore.
  float unit() const { return folds_y_scale() ? 1 / y_scale : 1.0f; }
  // A uint8 residual adds scale * q. Its zero point is in the bias where y's scale is folded.
  float scale_of_residual() const { return residual_scale * unit(); }
  int32_t offset_of_residual() const { return folds_y_scale() ? 0 : residual_zero_point; }
  float bias_of_residual() const {
    if (residual == nullptr || !residual_is_u8 || !folds_y_scale()) return 0;
    return -static_cast<float>(residual_zero_point) * scale_of_residual();
  }
};

// Fails if rows * in * out floats would be too many bytes for 64 bits, or the rows of y would be,
// also where there are no inputs: between two layers y is nobody's tensor that has been checked.
Status CheckSizes(const MatmulCall& call, int64_t in, int64_t out);

// Fails if a scale is not finite and positive, or is subnormal, if a product of scales is not
// finite, or if a zero point is not in [0, 255]. Those of the residual count where it is uint8, and
// that its values are finite in units of y.
Status CheckQuantization(const MatmulCall& call, int64_t out);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_MATMUL_CALL_H_
