#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_ARGS_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_ARGS_H_

// Plain data for the kernels of depthwise.h, which are compiled for other instruction sets.

#include <cstdint>

#include "custom_ops/kernels/activation_table.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The weights of a block of channels, to be packed.
struct PackDepthwiseArgs {
  const int8_t* weights;  // [kernel height, kernel width, channels], from the block's first channel
  int64_t channels;       // of the whole convolution
  int64_t count;          // of the block: 1 .. its size
  int64_t kernel_height, kernel_width;
  int64_t stride;  // along the height
  int64_t out_rows;
  int64_t groups;  // of four rows
  int32_t x_zero_point;
  int8_t* packed;     // [out_rows][groups][kernel_width][block][4]
  int32_t* acc_init;  // [block]: -x_zero_point * the sum of a channel's weights
};

// A strip of rows of y, for a block of channels.
struct DepthwiseArgs {
  const uint8_t* const* rows;  // [4 * groups]: each at the block's first channel of an image's row,
                               //   or null for one that is padding
  int64_t channels, count;     // as above
  int64_t width, before;       // of x, and its padding on the left
  int64_t kernel_width, stride, dilation;  // along the width
  int64_t groups;
  int64_t out_rows, out_columns;
  int64_t columns;  // of y at a time
  int32_t x_zero_point;
  const int8_t* packed;
  const int32_t* acc_init;    // [block], as all that has one number for each lane, in lane order
  const float *scale, *bias;  // [block]
  Activation activation;
  // uint8 y = round(y) + y_zero_point, held between two bytes, with y in units of its scale; it
  // fits in int32. Else it is activated, and held between low and high before it is rounded.
  bool is_bounded;
  int32_t least_byte, most_byte;
  float low, high;
  // Else uint8 y is looked up in it where it is not null: scale and bias are in its units, and what
  // is looked up fits in int32.
  const ActivationTable* table;
  bool y_is_u8;       // else float
  float inv_y_scale;  // of what is activated by something else
  int32_t y_zero_point;
  void* y;        // [out_rows, out_columns, channels], from the block's first channel
  uint8_t* tile;  // [groups][columns of x][block][4]
  int32_t* acc;   // room for kDepthwiseColumns blocks
};

// The most pixels of y that a kernel works on at a time.
inline constexpr int64_t kDepthwiseColumns = 7;
// The most channels of a block.
inline constexpr int64_t kDepthwiseBlock = 64;

// What an instruction set has. Lane 4 l + j of register v, of four, has channel 16 l + 4 v + j of a
// block: unpacks leave bytes in that order, and packs undo it.
struct DepthwiseKernel {
  int64_t block = 0;  // channels: four registers of lanes
  void (*pack)(const PackDepthwiseArgs&) = nullptr;
  void (*run)(const DepthwiseArgs&) = nullptr;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_ARGS_H_
