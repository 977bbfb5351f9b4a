#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_PACKED_LAYER_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_PACKED_LAYER_H_

#include <cstdint>
#include <type_traits>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/engine/registry.h"
#include "custom_ops/engine/weight_sums.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/format/packed_weights.h"

namespace tfsparse {

// All that is made of a weight matrix, once, for a kernel.
template <typename T>
struct PackedLayer {
  explicit PackedLayer(const Kernel<T>& kernel)
      : kernel(kernel), functions(SelectTileFunctions(kernel)) {}

  // Packs a validated matrix. Fails on int8 weights so many and so large that the sums
  // of an output could leave 32 bits.
  Status Prepare(const BlockSparseMatrix<T>& matrix, const Threads& threads);

  // The output behind the last one of panel - 1.
  int64_t FirstOutput(int64_t panel) const {
    return panel == num_panels() ? weights.out : weights.panels[panel].out;
  }
  // The panel behind the last one of an N block that begins with panel s, of those up to `end`.
  int64_t NBlockEnd(int64_t s, int64_t end) const {
    const int64_t output = weights.panels[s].out;
    int64_t next = s + 1;
    while (next < end && FirstOutput(next + 1) - output <= kNBlock) ++next;
    return next;
  }
  // Whether a layer with these weights can pack the x of a next one from its sums.
  bool CanFeedTileOf(const PackedLayer& next) const {
    return next.functions.epilogue_to_tile != nullptr &&
           (std::is_same_v<T, float> || n_blocks_are_quads);
  }
  int64_t num_panels() const { return static_cast<int64_t>(weights.panels.size()); }
  // Multiply instructions per vector of rows, roughly.
  int64_t instructions() const { return work.back() * kernel.format.nr; }

  Kernel<T> kernel;
  TileFunctions functions;
  PackedWeights<T> weights;
  std::vector<int64_t> work;       // of the panels before a panel, at the end of all: in groups
  bool n_blocks_are_quads = true;  // every N block begins with an output that is a multiple of four
  WeightSums weight_sums;          // of int8 weights
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_PACKED_LAYER_H_
