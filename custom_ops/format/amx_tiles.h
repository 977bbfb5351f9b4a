#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_AMX_TILES_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_AMX_TILES_H_

// Weights in the order in which the AMX kernel reads them: tile registers of 16 outputs
// by 16 quads, a quad being four inputs.
//
// What. A panel is 16 outputs whatever the block, and stores the inputs that any of them
// stores. The tile of x holds ready quads of neighbouring inputs, [K / 4][m][4]. Blocks a
// multiple of four wide fill such quads. Others leave holes, which are zero weights:
// panels of 4x1 at 90% store 34% of the inputs, in 81% of the quads. So quads whose
// stored inputs are at different places, {k0, k2} and {k3} say, are merged: the kernel
// reads the two quads of x and takes bytes 0 and 2 from the one and byte 3 from the
// other. No byte has to move, and 81% become 38%.
//
// A group is 16 such quads. Where a window of x is dense, its 16 neighbouring quads are
// a group as they are, and the kernel has nothing to gather.
//
//   columns  per group: the number of sources S, then
//            S = 0: the first of 16 neighbouring quads of x
//            S > 0: [S][16] quads of x, then [S - 1][16] patterns, bit i for byte i:
//                   what source s > 0 adds to those before it
//   values   per group: [16 outputs][16 quads][4]
//
// Merging. Greedy: the fullest quads first, each with the fullest that fits into what it
// leaves free. Groups take merged quads of many sources first, so that only a panel's
// last groups of each S mix.
//
// Cost: linear in the stored elements and the block rows' overlaps with panels, besides
// sorting each panel's quads, and shared among threads, which pack panels each. Reads of x past the
// matrix stay inside the tile, which is whole multiples of 64 inputs.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/format/packed_weights.h"

namespace tfsparse {

inline constexpr WeightFormat kAmxFormat = {TileLayout::kInterleave4, WeightPacking::kAmxTiles,
                                            kTileOutputs};

// Packs a validated matrix, of any block, into kAmxFormat.
PackedWeights<int8_t> PackAmxTiles(const BlockSparseMatrix<int8_t>& matrix,
                                   const Threads& threads = Threads());

// What the products of these weights with 16 rows cost, in cycles of the time stamp
// counter of the machines that the constants were measured on.
int64_t AmxTileCycles(const PackedWeights<int8_t>& packed);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_AMX_TILES_H_
