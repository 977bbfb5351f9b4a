#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_WEIGHT_FORMAT_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_WEIGHT_FORMAT_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/format/panel.h"

namespace tfsparse {

// How activations lie in a tile: where input k of row m is, of 16 * V rows. Elements of 8 and 16
// bits in kInterleave1 have their rows in the order that the kernels' interleaving undoes
// (kernels/kernel_args.h).
enum class TileLayout {
  kInterleave1,      // [k][m]
  kInterleave1Wide,  // [k][m], uint8 widened to uint16, or bfloat16
  kInterleave2,      // [k / 2][m][k % 2], likewise
  kInterleave4,      // [k / 4][m][k % 4], uint8 only
};

// How the weights of a panel are packed: which inputs make a group.
enum class WeightPacking {
  kConsecutive,     // neighbours, as the tile interleaves them
  kGathered,        // any inputs of the panel, each named
  kPermuteWindows,  // inputs near each other, for VPERMI2B: small M alone
  kAmxTiles,        // registers of 16 outputs by 16 groups of four: format/amx_tiles.h
};

// What packed weights are made for: a layout of activations, a packing, and the outputs of a
// panel. Two kernels of one format share their weights.
struct WeightFormat {
  TileLayout tile = TileLayout::kInterleave1;
  WeightPacking packing = WeightPacking::kConsecutive;
  int nr = 1;

  bool operator==(const WeightFormat& other) const {
    return tile == other.tile && packing == other.packing && nr == other.nr;
  }
};

// Elements of T for a weight: 16 bits for int8 where activations have them, and 32 for a bfloat16
// that a kernel for floats multiplies.
template <typename T>
int WeightWidth(const WeightFormat& format) {
  if (std::is_same_v<T, BFloat16>) return format.tile == TileLayout::kInterleave1 ? 2 : 1;
  const bool wide =
      format.tile == TileLayout::kInterleave1Wide || format.tile == TileLayout::kInterleave2;
  return std::is_same_v<T, int8_t> && wide ? 2 : 1;
}

// Elements of T in a group, per output: a lane of 32 bits, or a part of a register of 64 weights.
template <typename T>
int GroupValues(const WeightFormat& format) {
  if (format.packing == WeightPacking::kPermuteWindows) {
    return 64 / std::min(format.nr, kWindowOutputs);
  }
  return static_cast<int>(4 / sizeof(T));
}

// Inputs in a group.
template <typename T>
int GroupInputs(const WeightFormat& format) {
  return GroupValues<T>(format) / WeightWidth<T>(format);
}

// Whether blocks of `block_in` inputs can be packed like this.
template <typename T>
bool Accepts(const WeightFormat& format, int64_t block_in) {
  return format.packing != WeightPacking::kConsecutive || block_in % GroupInputs<T>(format) == 0;
}

// The format's part of a kernel's name: "c4" for four consecutive inputs in a group, "g4" for four
// gathered ones, "w" for windows, "t" for tile registers.
template <typename T>
std::string FormatName(const WeightFormat& format) {
  if (format.packing == WeightPacking::kPermuteWindows) return "w";
  if (format.packing == WeightPacking::kAmxTiles) return "t";
  const char* const packing = format.packing == WeightPacking::kGathered ? "g" : "c";
  return packing + std::to_string(GroupInputs<T>(format));
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_WEIGHT_FORMAT_H_
