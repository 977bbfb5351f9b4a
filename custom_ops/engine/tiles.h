#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_TILES_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_TILES_H_

#include <algorithm>
#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Items of work per thread, for threads that start late or run slower.
inline constexpr int64_t kItemsPerThread = 4;

// The numbers of vectors that a tile may have: the multiples of `least` up to `most`, and one
// where `one` says so.
struct TileVectors {
  int min = 1;
  int max = 1;
  bool one = true;
};

// The rows of x, cut into tiles of as even a number of vectors as there is: a tile of
// one vector reads a weight for 16 products, one of three for 48. Lanes of the last one may be
// left that no row fills.
class Tiles {
 public:
  Tiles(int64_t rows, const TileVectors& allowed) : rows_(rows), step_(allowed.min) {
    const int64_t vectors = (rows + kLanes - 1) / kLanes;
    const int64_t left = vectors % step_;
    // One by one, up to half of a step costs less than a step.
    if (allowed.one && 2 * left <= step_) ones_ = left;
    steps_ = (vectors - ones_ + step_ - 1) / step_;
    const int64_t max_steps = allowed.max / allowed.min;
    wide_ = (steps_ + max_steps - 1) / max_steps;
  }

  int64_t count() const { return wide_ + ones_; }
  // Whether threads that share them out finish at about the same time.
  bool AreEnoughFor(int threads) const {
    return threads <= 1 || count() >= kItemsPerThread * threads || count() % threads == 0;
  }
  // Of all tiles together.
  int64_t vectors() const { return steps_ * step_ + ones_; }
  int max_vectors() const {
    return wide_ == 0 ? 1 : static_cast<int>((steps_ + wide_ - 1) / wide_ * step_);
  }

  int vectors(int64_t tile) const {
    return static_cast<int>(FirstVector(tile + 1) - FirstVector(tile));
  }
  int64_t begin(int64_t tile) const { return std::min(rows_, FirstVector(tile) * kLanes); }
  int64_t end(int64_t tile) const { return begin(tile + 1); }
  int64_t rows(int64_t tile) const { return end(tile) - begin(tile); }

 private:
  int64_t FirstVector(int64_t tile) const {
    return tile < wide_ ? steps_ * tile / wide_ * step_ : steps_ * step_ + (tile - wide_);
  }

  int64_t rows_;
  int64_t step_;      // vectors
  int64_t ones_ = 0;  // tiles of one vector, behind the others
  int64_t steps_;     // of the others together
  int64_t wide_;      // the others
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_TILES_H_
