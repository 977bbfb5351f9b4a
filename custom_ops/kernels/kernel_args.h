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
//             a strip of a few outputs keeps its sums in registers
//   output    the sums, transposed back, with scale, residual, activation and requantization
//
// Between two layers of a chain the last and the first of these are one step, which
// transposes nothing: the sums of a layer lie as the tile of the next one does.
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

namespace tfsparse {

// Rows of x in one vector register: 16 sums of 32 bits.
inline constexpr int kLanes = 16;
// Most vectors V that any kernel takes at a time.
inline constexpr int kMaxVectors = 8;
// Outputs whose sums are finished together, the outputs of a strip at the most, and the
// room for both: the last strip of a chunk may stick out.
inline constexpr int kChunkOutputs = 64;
inline constexpr int kMaxHeight = 16;
inline constexpr int kChunkRoom = 80;

// Outputs, and quads of inputs, of a tile register of AMX that holds weights.
inline constexpr int kTileOutputs = 16;
inline constexpr int kTileQuads = 16;

// Where an element (row m, input k) of a tile of 16*V rows lies. Planes of 8 and 16 bits have
// their rows in the order that the kernels' interleaving undoes (see below).
enum class Layout {
  kPlanes,       // [k][m]
  kQuads,        // [k / 4][m][k % 4], u8 only
  kPairs,        // [k / 2][m][k % 2], u8 widened to u16, or bfloat16
  kWidePlanes,   // [k][m], likewise
  kWindows,      // rows as they are, with weights in windows: few_rows_u8s8_avx512vbmi.cc
  kMergedQuads,  // kQuads, with weights packed otherwise: format/merged_quads.h
};
// Interleaving works inside the 128-bit parts of a register. In a plane of u8, which is
// one register, byte and word unpacks of four planes leave place 16l + 4v + j in lane
// 4l + j of register v of the quads, so that is where the plane keeps the row that
// belongs there. In a wide plane, word unpacks of two registers leave place 8l + 4v + j
// (of 16 bits) in lane 4l + j of register v of the pairs. The sums come out in order.

// Outputs that share a register of 64 weights in kWindows, if the strip has as many.
inline constexpr int kWindowOutputs = 4;
// A window's inputs are among so many consecutive ones.
inline constexpr int kWindowReach = 128;

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

// A few consecutive outputs that share their inputs.
struct Strip {
  int32_t out;     // first output
  int64_t groups;  // groups of inputs: one (float), four or two (int8), two or one (bfloat16)
  int64_t column;  // of the first group, in PackedWeights::columns
  int64_t value;   // of the first group, in PackedWeights::values
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
  const Strip* strips;
  int64_t num_strips;
  int32_t first_out;  // output whose sums are acc[0]
  const void* init;   // [kChunkRoom], from first_out on: what sums begin with
  void* acc;          // [kChunkRoom][16 * V], float or int32
};

struct OutputArgs {
  const void* acc;
  int vectors;
  int64_t acc_stride;  // of few rows: sums from row to row, instead of vectors
  int64_t rows;
  int64_t outputs;       // outputs in acc that are finished, 1 .. kChunkOutputs
  const float* scale;    // [kChunkRoom]: y = sum * scale + bias, for int32 sums. Folded uint8 y
  const float* bias;     //   (MatmulCall::folds_y_scale): both are in units of y's scale
  const void* residual;  // of the first row and output, added before activation, or null
  int64_t residual_stride;
  bool residual_is_u8;  // else float: fma(q - zero_point, scale, y) is what adds it
  float residual_scale;
  int32_t residual_zero_point;
  Activation activation;
  bool fits_int32;       // y, folded or of kLinear, before it is clamped
  float inv_y_scale;     // uint8 y = round(y * this) + y_zero_point, in [0, 255], half to
  int32_t y_zero_point;  //   even; 1 where y is folded
  void* y;
  int64_t y_stride;
};

// Few rows of uint8, of bfloat16 or of floats rounded to it lie one after the other, each of a
// multiple of 64 inputs and followed by so many bytes that may be read; behind the last input of
// bfloat16 is a zero.
inline constexpr int64_t kFewRowsPadding = kWindowReach;
inline constexpr int kMaxFewRows = 8;

// A product by so few rows of x that they do not fill the lanes: see few_rows_avx512.h.
struct FewRowsArgs {
  const void* x;   // first row, float, uint8 or bfloat16
  int64_t stride;  // bytes from row to row
  const int32_t* columns;
  const void* values;
  const Strip* strips;
  int64_t num_strips;
  int32_t first_out;  // output whose sum is sums[0]
  const void* init;   // [kChunkRoom], from first_out on: added to the sums
  void* sums;         // [rows][sums_stride] float or int32; the last strip may stick out
  int64_t sums_stride;
};

// Returns whether some element of the tile is NaN or infinite (float and bfloat16 only).
using PackFunction = bool (*)(const PackArgs&);
// The same of what it writes. Its y is the tile, from the first output on.
using PackSumsFunction = bool (*)(const OutputArgs&);
using MultiplyFunction = void (*)(const MultiplyArgs&);
using OutputFunction = void (*)(const OutputArgs&);
using FewRowsFunction = void (*)(const FewRowsArgs&);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_KERNEL_ARGS_H_
