#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_SCHEDULER_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_SCHEDULER_H_

// One call on prepared weights: who does what, and in which order.
//
// Partition. Tiles of rows are the items of work when they are enough for the threads;
// otherwise the outputs are cut as well, into ranges with about equal numbers of stored weights.
// Each item packs its rows of x, for the cache of its own thread: to read what another has packed
// took longer than to pack it again, so that two threads were slower than one by 64 rows of
// float x. No cut changes a result.
//
// Tried and left: prefetching the lines of y that an N block will write, and the next tile's
// x, gained nothing; the processor has both under way already.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/engine/packed_layer.h"
#include "custom_ops/engine/tile_runner.h"
#include "custom_ops/engine/tiles.h"

namespace tfsparse {

template <typename T>
class Scheduler {
 public:
  // `call` has passed its checks and has rows; both must outlive the scheduler.
  Scheduler(const PackedLayer<T>& prepared, const LayerCall& call);

  void Run(const Threads& threads);

 private:
  int64_t OutputParts(int threads) const;
  void RunItems(const TileRunner<T>& work, const Threads& threads, int64_t parts) const;
  TileRows Tile(int64_t tile) const;

  const PackedLayer<T>& prepared_;
  const LayerCall& call_;
  const Tiles tiles_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_SCHEDULER_H_
