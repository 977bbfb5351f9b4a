#include "custom_ops/engine/scheduler.h"

#include <algorithm>
#include <limits>

#include "custom_ops/base/balanced_cut.h"
#include "custom_ops/engine/epilogue_constants.h"
#include "custom_ops/engine/tile_registers.h"
#include "custom_ops/engine/workspace.h"

namespace tfsparse {
namespace {

// Fewer multiply instructions than this are not worth another thread.
constexpr int64_t kMinInstructions = 1 << 17;

// What packing an input of a vector of rows takes, in multiply instructions.
constexpr int64_t kInstructionsToPack = 4;

}  // namespace

template <typename T>
Scheduler<T>::Scheduler(const PackedLayer<T>& prepared, const LayerCall& call)
    : prepared_(prepared), call_(call), tiles_(call.rows, prepared.kernel.vectors()) {}

template <typename T>
void Scheduler<T>::Run(const Threads& threads) {
  const TileRunner<T> work(
      prepared_, call_,
      EpilogueConstants<T>::Of(prepared_.weight_sums, prepared_.weights.out, call_));
  RunItems(work, threads, OutputParts(threads.count));
}

// Ranges that the outputs are cut into, so that all threads have work and finish at about the
// same time: as few as make the busiest thread's share small, since each packs its tile anew.
template <typename T>
int64_t Scheduler<T>::OutputParts(int threads) const {
  const int64_t multiply = prepared_.instructions() * tiles_.max_vectors();
  const int64_t pack = prepared_.weights.in * tiles_.max_vectors() * kInstructionsToPack;
  const int64_t sharers = std::min<int64_t>(threads, tiles_.count() * multiply / kMinInstructions);
  if (tiles_.AreEnoughFor(static_cast<int>(sharers))) return 1;
  int64_t best = 1, min = std::numeric_limits<int64_t>::max();
  for (int64_t parts = 1; parts <= std::min(sharers, prepared_.num_panels()); ++parts) {
    const int64_t turns = (tiles_.count() * parts + sharers - 1) / sharers;
    const int64_t busiest = turns * (pack + multiply / parts);
    if (busiest < min) best = parts, min = busiest;
  }
  return best;
}

template <typename T>
void Scheduler<T>::RunItems(const TileRunner<T>& work, const Threads& threads,
                            int64_t parts) const {
  const int64_t cost = prepared_.instructions() * tiles_.max_vectors() / 2 / parts;
  threads.Run(tiles_.count() * parts, cost, [&](int64_t begin, int64_t end) {
    AlignedBuffer<uint8_t>& packed = Workspace::OfThisThread().tiles[0];
    packed.Reserve(work.PackedBytes(tiles_.max_vectors()));
    TileRegisters registers;
    registers.SetUpFor(prepared_.functions);
    for (int64_t item = begin; item < end; ++item) {
      TileRows rows = Tile(item / parts);
      rows.is_first = item == begin;
      const int64_t first = BalancedCut(prepared_.work, item % parts, parts);
      const int64_t last = BalancedCut(prepared_.work, item % parts + 1, parts);
      if (first == last) continue;
      const bool non_finite = work.Pack(rows, packed.data());
      work.Multiply(rows, packed.data(), non_finite, first, last);
    }
  });
}

template <typename T>
TileRows Scheduler<T>::Tile(int64_t tile) const {
  const int64_t x_step = call_.x.step(prepared_.weights.in);
  const int64_t y_step = call_.y.step(prepared_.weights.out);
  const int64_t row = tiles_.begin(tile);
  TileRows rows;
  rows.rows = tiles_.rows(tile);
  rows.vectors = tiles_.vectors(tile);
  rows.first = row;
  if (call_.x.source == nullptr) rows.x = call_.x.at(row * x_step);
  rows.residual = call_.epilogue.residual.at(row * y_step);
  rows.y = call_.y.at(row * y_step);
  return rows;
}

template class Scheduler<float>;
template class Scheduler<BFloat16>;
template class Scheduler<int8_t>;

}  // namespace tfsparse
