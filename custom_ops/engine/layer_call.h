#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_LAYER_CALL_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_LAYER_CALL_H_

// One call of a layer, of `in` inputs and `out` outputs: where x is, where y goes, what is done to
// the sums of products, and what integers stand for.

#include <cstdint>

#include "custom_ops/base/status.h"
#include "custom_ops/engine/input_source.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Layers that a chain may have (chain.h).
inline constexpr int kMaxLayers = 16;

// A row-major matrix of float or uint8, or what gives its rows.
struct Input {
  const void* data = nullptr;           // [rows, in]
  bool is_u8 = false;                   // else float
  int64_t leading_dimension = 0;        // elements from row to row; 0 for `in`
  const InputSource* source = nullptr;  // gives the rows instead of data, or null

  int64_t step(int64_t in) const { return leading_dimension == 0 ? in : leading_dimension; }
  int64_t element_bytes() const { return is_u8 ? 1 : sizeof(float); }
  const void* at(int64_t element) const {
    return static_cast<const char*>(data) + element * element_bytes();
  }
};

struct Output {
  void* data = nullptr;           // [rows, out] row-major
  bool is_u8 = false;             // else float
  int64_t leading_dimension = 0;  // elements from row to row, of the residual too; 0 for `out`

  int64_t step(int64_t out) const { return leading_dimension == 0 ? out : leading_dimension; }
  int64_t element_bytes() const { return is_u8 ? 1 : sizeof(float); }
  void* at(int64_t element) const { return static_cast<char*>(data) + element * element_bytes(); }
};

// Added before the activation.
struct Residual {
  const void* data = nullptr;  // [rows, out] row-major, or null for none
  bool is_u8 = false;          // else float
  float scale = 1.0f;          // uint8 only
  int32_t zero_point = 0;      // likewise

  int64_t element_bytes() const { return is_u8 ? 1 : sizeof(float); }
  // Of no residual, null.
  const void* at(int64_t element) const {
    if (data == nullptr) return nullptr;
    return static_cast<const char*>(data) + element * element_bytes();
  }
};

struct Epilogue {
  const float* bias = nullptr;  // [out], or null for none
  Residual residual;
  Activation activation = Activation::kLinear;
};

// Of int8 weights only: real = scale * (q - zero_point).
struct Quantization {
  float x_scale = 1.0f;
  int32_t x_zero_point = 0;
  const float* w_scale = nullptr;  // [out]
  float y_scale = 1.0f;            // uint8 y only
  int32_t y_zero_point = 0;
};

struct LayerCall {
  int64_t rows = 0;
  Input x;
  Output y;
  Epilogue epilogue;
  Quantization quantization;

  // Whether a uint8 y is computed in units of its scale from the start, so that quantizing it
  // is rounding it. Only where scaling before the activation is scaling after it.
  bool folds_y_scale() const {
    return y.is_u8 && (epilogue.residual.data == nullptr || epilogue.residual.is_u8) &&
           (epilogue.activation == Activation::kLinear || epilogue.activation == Activation::kRelu);
  }
  // Whether its activation and quantization could be looked up in a table instead
  // (build_activation_table.h), whose input is in units of the table.
  bool may_look_up() const {
    return y.is_u8 && epilogue.residual.data == nullptr && epilogue.activation > Activation::kRelu6;
  }
  // What sums, bias and residual are multiplied by where y's scale is folded.
  float unit() const { return folds_y_scale() ? 1 / quantization.y_scale : 1.0f; }
  // A uint8 residual adds scale * q. Its zero point is in the bias where y's scale is folded.
  float scale_of_residual() const { return epilogue.residual.scale * unit(); }
  int32_t offset_of_residual() const { return folds_y_scale() ? 0 : epilogue.residual.zero_point; }
  float bias_of_residual() const {
    if (epilogue.residual.data == nullptr || !epilogue.residual.is_u8 || !folds_y_scale()) return 0;
    return -static_cast<float>(epilogue.residual.zero_point) * scale_of_residual();
  }
};

// Fails if rows * in * out floats would be too many bytes for 64 bits, or the rows of y would be,
// also where there are no inputs: between two layers y is nobody's tensor that has been checked.
Status CheckSizes(const LayerCall& call, int64_t in, int64_t out);

// Fails if a scale is not finite and positive, or is subnormal, if a product of scales is not
// finite, or if a zero point is not in [0, 255]. Those of the residual count where it is uint8, and
// that its values are finite in units of y.
Status CheckQuantization(const LayerCall& call, int64_t out);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_LAYER_CALL_H_
