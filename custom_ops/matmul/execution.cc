#include "custom_ops/matmul/execution.h"

#include <algorithm>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/balanced_cut.h"
#include "custom_ops/matmul/output_constants.h"

namespace tfsparse {
namespace {

// Fewer multiply instructions than this are not worth handing to another thread.
constexpr int64_t kMinInstructions = 1 << 14;

// Buffers of a thread, kept between calls so that a call allocates nothing.
struct Scratch {
  AlignedBuffer<uint8_t> tile;
  AlignedBuffer<uint8_t> all_tiles;
  AlignedBuffer<uint8_t> non_finite;  // of each tile

  static Scratch& OfThisThread() {
    thread_local Scratch scratch;
    return scratch;
  }
};

}  // namespace

template <typename T>
Execution<T>::Execution(const PreparedMatmul<T>& prepared, const MatmulCall& call)
    : prepared_(prepared), call_(call), tiles_(call.rows, prepared.kernel.vectors()) {}

template <typename T>
void Execution<T>::Run(const Threads& threads) {
  const TileWork<T> work(prepared_, call_,
                         OutputConstants<T>::Of(prepared_.sums, prepared_.weights.out, call_));
  const int64_t parts = OutputParts(threads.count);
  parts == 1 ? RunTiles(work, threads) : RunTilesInParts(work, threads, parts);
}

// Ranges that the outputs are cut into, so that all threads have work and finish at
// about the same time.
template <typename T>
int64_t Execution<T>::OutputParts(int threads) const {
  if (tiles_.AreEnoughFor(threads)) return 1;
  const int64_t items = kItemsPerThread * threads;
  const int64_t instructions = prepared_.instructions() * tiles_.vectors() / tiles_.count();
  const int64_t wanted = (items + tiles_.count() - 1) / tiles_.count();
  const int64_t worth = instructions / kMinInstructions;
  return std::max<int64_t>(1, std::min({wanted, worth, prepared_.num_strips()}));
}

template <typename T>
void Execution<T>::RunTiles(const TileWork<T>& work, const Threads& threads) const {
  const int64_t cost = prepared_.instructions() * tiles_.most_vectors() / 2;
  threads.Run(tiles_.count(), cost, [&](int64_t begin, int64_t end) {
    AlignedBuffer<uint8_t>& packed = Scratch::OfThisThread().tile;
    packed.Reserve(work.PackedBytes(tiles_.most_vectors()));
    for (int64_t tile = begin; tile < end; ++tile) {
      const TileRows rows = Tile(tile);
      const bool non_finite = work.Pack(rows, packed.data());
      work.Multiply(rows, packed.data(), non_finite, 0, prepared_.num_strips());
    }
  });
}

template <typename T>
void Execution<T>::RunTilesInParts(const TileWork<T>& work, const Threads& threads,
                                   int64_t parts) const {
  const int64_t bytes = work.PackedBytes(tiles_.most_vectors());
  Scratch& scratch = Scratch::OfThisThread();
  scratch.all_tiles.Reserve(tiles_.count() * bytes);
  scratch.non_finite.Reserve(tiles_.count());
  uint8_t* const packed = scratch.all_tiles.data();
  uint8_t* const non_finite = scratch.non_finite.data();
  const int64_t cost_to_pack = prepared_.weights.in * tiles_.most_vectors();
  threads.Run(tiles_.count(), cost_to_pack, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) {
      non_finite[tile] = work.Pack(Tile(tile), packed + tile * bytes);
    }
  });
  const int64_t cost = prepared_.instructions() * tiles_.most_vectors() / 2 / parts;
  threads.Run(tiles_.count() * parts, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t tile = item / parts, part = item % parts;
      const int64_t first = BalancedCut(prepared_.work, part, parts);
      const int64_t last = BalancedCut(prepared_.work, part + 1, parts);
      if (first < last) {
        work.Multiply(Tile(tile), packed + tile * bytes, non_finite[tile], first, last);
      }
    }
  });
}

template <typename T>
TileRows Execution<T>::Tile(int64_t tile) const {
  const int64_t in = prepared_.weights.in, out = prepared_.weights.out;
  const int64_t row = tiles_.begin(tile);
  TileRows rows;
  rows.rows = tiles_.rows(tile);
  rows.vectors = tiles_.vectors(tile);
  rows.x = static_cast<const char*>(call_.x) + row * in * call_.x_bytes();
  if (call_.residual != nullptr) rows.residual = call_.residual + row * out;
  rows.y = static_cast<char*>(call_.y) + row * out * call_.y_bytes();
  return rows;
}

template class Execution<float>;
template class Execution<BFloat16>;
template class Execution<int8_t>;

}  // namespace tfsparse
