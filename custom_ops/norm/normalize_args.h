#ifndef TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ARGS_H_
#define TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ARGS_H_

// What a kernel of normalization is told, as plain data: this header is included by files that are
// compiled for other instruction sets than the rest.

#include <cstdint>

namespace tfsparse {

// Rows that go through each pass together, where they are short enough to stay in cache.
inline constexpr int64_t kRowsTogether = 4;
inline constexpr int64_t kMaxTogether = 512;  // elements of such a row

struct NormalizeArgs {
  int64_t size;  // elements of a row, at least 1
  bool centers;  // LayerNorm; else RMSNorm, which takes the mean for 0
  float epsilon;
  const float* gamma;    // [size]
  const float* beta;     // [size]
  float inv_y_scale;     // uint8 y = round(y * this) + y_zero_point, in [0, 255], half to
  int32_t y_zero_point;  //   even; NaN gives 0

  int64_t rows;  // each follows the one before it
  const float* x;
  const float* residual;  // or null
  float* sum;             // [rows, size], or null: x + residual
  float* y;               // or null
  uint8_t* y_u8;          // or null
  float* scratch;         // [kRowsTogether, size]; null unless there is a residual
};

using NormalizeFunction = void (*)(const NormalizeArgs&);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_NORM_NORMALIZE_ARGS_H_
