#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_PANEL_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_PANEL_H_

// What packing and the kernels both know of packed weights.
//
// This header is included by files that are compiled for other instruction sets than the rest, so
// it may define nothing that the linker could share: plain data only.

#include <cstdint>

namespace tfsparse {

// An output panel: NR consecutive outputs that share their inputs.
struct Panel {
  int32_t out;     // first output
  int64_t groups;  // groups of inputs: one (float), four or two (int8), two or one (bfloat16)
  int64_t column;  // of the first group, in PackedWeights::columns
  int64_t value;   // of the first group, in PackedWeights::values
};

// Outputs that share a register of 64 weights in a VPERMI2B window, if the panel has as many.
inline constexpr int kWindowOutputs = 4;
// A window's inputs are among so many consecutive ones.
inline constexpr int kWindowReach = 128;

// Outputs, and groups of four inputs, of a tile register of AMX that holds weights.
inline constexpr int kTileOutputs = 16;
inline constexpr int kTileGroups = 16;

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_PANEL_H_
