#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_KERNEL_ARGS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_KERNEL_ARGS_H_

// What a kernel is told, as plain data.
//
// A matmul y[M,N] = x[M,K] * transpose(W[N,K]) runs tile by tile over the rows
// of x, in three steps, each of them a function of this header's types:
//
//   pack      16*V rows of x, transposed so that the rows lie in the lanes of
//             V vector registers (and quantized, where x is float and W int8)
//   multiply  every stored weight, broadcast, with the V vectors of its input;
//             a panel of a few outputs keeps its accumulators in registers
//   epilogue  the accumulators, transposed back, with scale, residual, activation and
//   requantization
//
// Between two layers of a chain the last and the first of these are one step, which
// transposes nothing: the accumulators of a layer lie as the tile of the next one does.
//
// Why the rows lie in the lanes: a sparse weight matrix gives no two neighbours
// to put into a register, but every weight meets every row of x. One broadcast
// then serves V registers, whatever the pattern.
//
// Contract. A function writes only the tile or the rows of y it is given, and
// reads nothing else. The number of vectors V does not change any result.
//
// This header is included by files that are compiled for other instruction sets
// than the rest, so it may define nothing that the linker could share: plain
// data only, no function, no standard container.

#include <cstdint>

#include "custom_ops/format/panel.h"
#include "custom_ops/kernels/activation_table.h"

namespace tfsparse {

// Rows of x in one vector register: 16 sums of 32 bits.
inline constexpr int kLanes = 16;
// Most vectors V that any kernel takes at a time.
inline constexpr int kMaxVectors = 8;
// An N block: outputs that an epilogue finishes together. A panel has kMaxNr at the most, and the
// last one of an N block may stick out, so accumulators are padded for both.
inline constexpr int kNBlock = 64;
inline constexpr int kMaxNr = 16;
inline constexpr int kPaddedNBlock = 80;

// The order of the rows in a tile (format/weight_format.h: TileLayout). Interleaving works inside
// the 128-bit parts of a register. In kInterleave1 an input of uint8 is one register; byte and word
// unpacks of four of them leave place 16l + 4v + j in lane 4l + j of register v of the groups of
// four, so that is where the register keeps the row that belongs there. In kInterleave1Wide, word
// unpacks of two registers leave place 8l + 4v + j (of 16 bits) in lane 4l + j of register v of the
// pairs. The sums come out in order.

// What is applied to an output; activation_functions.h defines them. The names are Keras's.
enum class Activation : uint8_t {
  kLinear,
  kRelu,
  kRelu6,
  kGelu,
  kGeluTanh,
  kSigmoid,
  kTanh,
  kSilu,
};

struct PackArgs {
  const void* x;               // first row, row-major, float or uint8
  int64_t stride;              // elements from row to row
  const void* const* rows_at;  // where each row begins, instead of x and stride; or null
  int64_t rows;                // 1 .. 16 * vectors; lanes behind the last hold zeros
  int64_t inputs;              // K
  int vectors;                 // V
  float inv_scale;             // quantization: q = round(x * inv_scale) + zero_point,
  int32_t zero_point;          //   in [0, 255], half to even
  void* tile;
};

struct MultiplyArgs {
  const void* tile;
  const int32_t* columns;
  const void* values;
  const Panel* panels;
  int64_t num_panels;
  int32_t first_out;     // output whose sums are acc[0]
  const void* acc_init;  // [kPaddedNBlock], from first_out on: what sums begin with
  void* acc;             // [kPaddedNBlock][16 * V], float or int32
  bool fetches_ahead;    // columns and values, which are in no near cache
};

struct EpilogueArgs {
  const void* acc;
  int vectors;
  int64_t acc_stride;  // of small M: sums from row to row, instead of vectors
  int64_t rows;
  int64_t outputs;       // outputs in acc that are finished: 1 .. kNBlock, more for small M
  const float* scale;    // [kPaddedNBlock]: y = sum * scale + bias, for int32 sums. Folded uint8 y
  const float* bias;     //   (LayerCall::folds_y_scale): both are in units of y's scale
  const void* residual;  // of the first row and output, added before activation, or null
  int64_t residual_stride;
  bool residual_is_u8;  // else float: fma(q - zero_point, scale, y) is what adds it
  float residual_scale;
  int32_t residual_zero_point;
  Activation activation;
  bool fits_int32;       // y, folded or of kLinear, before it is clamped
  float inv_y_scale;     // uint8 y = round(y * this) + y_zero_point, in [0, 255], half to
  int32_t y_zero_point;  //   even; 1 where y is folded
  // Null, or what a uint8 y is looked up in instead of activated and quantized: fits_int32, scale
  // and bias are in the table's units, and there is no residual.
  const ActivationTable* table;
  void* y;
  int64_t y_stride;
};

// The few rows of uint8, of bfloat16 or of floats rounded to it lie one after the other, each of a
// multiple of 64 inputs and followed by so many bytes that may be read; behind the last input of
// bfloat16 is a zero.
inline constexpr int64_t kGemvPadding = kWindowReach;
inline constexpr int kMaxGemvRows = 8;

// A product by so few rows of x that they do not fill the lanes: see gemv_avx512.h.
struct GemvArgs {
  const void* x;   // first row, float, uint8 or bfloat16
  int64_t stride;  // bytes from row to row
  const int32_t* columns;
  const void* values;
  const Panel* panels;
  int64_t num_panels;
  int32_t first_out;     // output whose sum is acc[0]
  const void* acc_init;  // [kPaddedNBlock], from first_out on: added to the sums
  void* acc;             // [rows][acc_stride] float or int32; the last panel may stick out
  int64_t acc_stride;
};

// Returns whether some element of the tile is NaN or infinite (float and bfloat16 only).
using PackFunction = bool (*)(const PackArgs&);
// The same of what it writes. Its y is the tile, from the first output on.
using EpilogueToTileFunction = bool (*)(const EpilogueArgs&);
using MultiplyFunction = void (*)(const MultiplyArgs&);
using EpilogueFunction = void (*)(const EpilogueArgs&);
using GemvFunction = void (*)(const GemvArgs&);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_KERNEL_ARGS_H_
