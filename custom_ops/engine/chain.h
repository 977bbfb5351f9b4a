#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_CHAIN_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_CHAIN_H_

// Layers of which each multiplies what the one before has made: a perceptron, the two products
// of a transformer's FFN.
//
// Why. Layer by layer, a batch of activations goes through memory between two products: it
// is transposed to rows, written, read and transposed back. Here a tile of rows goes through all
// layers while it is in the cache, and mostly stays as the kernels want it: the sums of a
// layer, quantized where they lie, are the packed x of the next
// (kernels/epilogue/epilogue_to_tile.h).
//
// When. Where the tiles are enough for the threads and all layers' kernels can take tiles of
// one NR. Otherwise, and for small M, it is layer by layer, a slice of many rows at a time,
// with its activations in a buffer in between.
//
// Contract. Neither changes a result: it is that of the calls one after the other, with uint8
// between int8 layers and float between others, to the last bit.
//
// Cost. Two packed tiles per thread. Every tile reads all weights of all layers, which have to
// come from the second level of cache, or the third at a few bytes per cycle.

#include <array>
#include <cstdint>
#include <optional>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/engine/tile_runner.h"
#include "custom_ops/engine/tiles.h"

namespace tfsparse {

// A layer and its call. What is between two layers is filled in by the chain: x, y and their
// types, and y's scale and zero point, which are those of the next layer's x.
template <typename T>
struct ChainLayer {
  const SparseLayer<T>* matmul = nullptr;
  LayerCall call;
};

template <typename T>
class Chain {
 public:
  // `layers` outlive the chain. All calls have the same rows, without strides and sources; only the
  // last has a residual.
  Chain(ChainLayer<T>* layers, int count) : layers_(layers), count_(count) {}

  // Fails, with y untouched, where there are no layers or too many, where inputs are not the
  // outputs of the layer before, and where SparseLayer::Run does.
  Status Run(const Threads& threads);

 private:
  using Works = std::array<std::optional<TileRunner<T>>, kMaxLayers>;

  Status Check() const;
  void Link();
  std::optional<Tiles> CommonTiles(const Threads& threads) const;
  void RunLayers(const Threads& threads);
  void RunLayers(int64_t begin, int64_t end, const Threads& threads);
  void RunTiles(const Tiles& tiles, const Threads& threads) const;
  void RunTile(const Works& works, const Tiles& tiles, int64_t tile, bool is_first) const;
  bool Advance(const Works& works, int layer, TileRows* rows, void* packed, bool non_finite,
               void* next_packed) const;

  const PackedLayer<T>& prepared(int layer) const { return layers_[layer].matmul->prepared(); }
  int64_t rows() const { return layers_[0].call.rows; }

  ChainLayer<T>* layers_;
  int count_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_CHAIN_H_
