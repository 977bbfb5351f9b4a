#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_TILE_RUNNER_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_TILE_RUNNER_H_

// What a layer does with one tile of rows: pack x, multiply, and run the epilogue.
//
// Outputs go in N blocks, so that the accumulators of an N block stay in the first level of cache
// between the kernel and the epilogue. Where another layer follows, the epilogue may write the tile
// that its kernel reads instead of y.

#include <cstdint>

#include "custom_ops/engine/epilogue_constants.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/engine/packed_layer.h"

namespace tfsparse {

// A tile's rows. Their strides are those of the call.
struct TileRows {
  int64_t rows = 0;
  int vectors = 0;
  bool is_first = false;    // of a call, in its thread: weights may be in no cache yet
  int64_t first = 0;        // of the rows of the call's source, if it has one
  const void* x = nullptr;  // first row, if it has none
  const void* residual = nullptr;
  void* y = nullptr;
};

template <typename T>
class TileRunner {
 public:
  // Of a call that has passed its checks; its pointers to x, residual and y are not looked at.
  // All must outlive the runner.
  TileRunner(const PackedLayer<T>& prepared, const LayerCall& call,
             const EpilogueConstants<T>& constants)
      : prepared_(prepared), weights_(prepared.weights), call_(call), constants_(constants) {}

  // Of a packed tile.
  int64_t PackedBytes(int vectors) const;

  // Returns whether some element of a float x is not finite.
  bool Pack(const TileRows& tile, void* packed) const;

  // Panels [begin, end), from the packed tile to y. The thread's tile registers are set up for the
  // layer (tile_registers.h), here and below.
  void Multiply(const TileRows& tile, const void* packed, bool non_finite, int64_t begin,
                int64_t end) const;

  // All panels, from the packed tile to the packed x of a layer that can take it
  // (packed_layer.h). Returns whether some element of it is not finite (float only).
  bool MultiplyIntoTile(const TileRows& tile, const void* packed, const PackedLayer<T>& next,
                        void* next_packed) const;

 private:
  template <class Finish>
  void MultiplyNBlocks(const TileRows& tile, const void* packed, int64_t begin, int64_t end,
                       const Finish& finish) const;
  EpilogueArgs EpilogueOf(const TileRows& tile, const void* acc, int64_t output, int64_t end) const;
  // Of an input of all rows of a packed tile.
  int64_t InputBytes(int vectors) const {
    return vectors * kLanes * static_cast<int64_t>(sizeof(T)) * weights_.width();
  }
  void SpreadNonFinite(const TileRows& tile, int64_t begin, int64_t end) const;

  const PackedLayer<T>& prepared_;
  const PackedWeights<T>& weights_;
  const LayerCall& call_;
  const EpilogueConstants<T> constants_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_TILE_RUNNER_H_
