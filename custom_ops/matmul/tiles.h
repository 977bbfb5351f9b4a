#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_TILES_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_TILES_H_

#include <algorithm>
#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Items of work per thread, for threads that start late or run slower.
inline constexpr int64_t kItemsPerThread = 4;

// The rows of x, cut into tiles of as even a number of vectors as there is: a tile of
// one vector reads a weight for 16 products, one of three for 48.
class Tiles {
 public:
  // At most `max_vectors` per tile and a multiple of `min_vectors`, which may leave the last
  // tile with lanes that no row fills.
  Tiles(int64_t rows, int min_vectors, int max_vectors) : rows_(rows), step_(min_vectors) {
    const int64_t most_steps = max_vectors / min_vectors;
    steps_ = (rows + step_ * kLanes - 1) / (step_ * kLanes);
    count_ = (steps_ + most_steps - 1) / most_steps;
  }

  int64_t count() const { return count_; }
  // Whether threads that share them out finish at about the same time.
  bool AreEnoughFor(int threads) const {
    return threads <= 1 || count_ >= kItemsPerThread * threads || count_ % threads == 0;
  }
  // Of all tiles together.
  int64_t vectors() const { return steps_ * step_; }
  int most_vectors() const { return static_cast<int>((steps_ + count_ - 1) / count_ * step_); }

  int vectors(int64_t tile) const {
    return static_cast<int>(FirstVector(tile + 1) - FirstVector(tile));
  }
  int64_t begin(int64_t tile) const { return std::min(rows_, FirstVector(tile) * kLanes); }
  int64_t end(int64_t tile) const { return begin(tile + 1); }
  int64_t rows(int64_t tile) const { return end(tile) - begin(tile); }

 private:
  int64_t FirstVector(int64_t tile) const { return steps_ * tile / count_ * step_; }

  int64_t rows_;
  int64_t step_;   // vectors
  int64_t steps_;  // of all tiles together
  int64_t count_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_TILES_H_
