#include "custom_ops/matmul/execution.h"

#include <algorithm>
#include <type_traits>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/balanced_cut.h"
#include "custom_ops/matmul/non_finite.h"

namespace tfsparse {
namespace {

// Fewer multiply instructions than this are not worth handing to another thread.
constexpr int64_t kMinInstructions = 1 << 14;

// Items per thread, for threads that start late or run slower.
constexpr int64_t kItemsPerThread = 4;

// Packing writes up to so many inputs at a time.
constexpr int64_t kPackedInputs = 64;

// Buffers of a thread, kept between calls so that a call allocates nothing.
struct Scratch {
  AlignedBuffer<uint8_t> tile;
  AlignedBuffer<uint8_t> all_tiles;
  AlignedBuffer<uint8_t> non_finite;  // of each tile
  AlignedBuffer<int32_t> acc;

  static Scratch& OfThisThread() {
    thread_local Scratch scratch;
    return scratch;
  }
};

}  // namespace

template <typename T>
Execution<T>::Execution(const PreparedMatmul<T>& prepared, const MatmulCall& call)
    : prepared_(prepared),
      weights_(prepared.weights),
      call_(call),
      tiles_(call.rows, prepared.kernel.min_vectors, prepared.kernel.max_vectors) {}

template <typename T>
void Execution<T>::Run(const Threads& threads) {
  constants_ = &OutputConstants<T>::Of(prepared_.sums, weights_.out, call_);
  const int64_t parts = OutputParts(threads.count);
  parts == 1 ? RunTiles(threads) : RunTilesInParts(threads, parts);
}

// Ranges that the outputs are cut into, so that all threads have work and finish at
// about the same time.
template <typename T>
int64_t Execution<T>::OutputParts(int threads) const {
  const int64_t items = kItemsPerThread * threads;
  if (threads <= 1 || tiles_.count() >= items || tiles_.count() % threads == 0) return 1;
  const int64_t instructions = prepared_.instructions() * tiles_.vectors() / tiles_.count();
  const int64_t wanted = (items + tiles_.count() - 1) / tiles_.count();
  const int64_t worth = instructions / kMinInstructions;
  return std::max<int64_t>(1, std::min({wanted, worth, prepared_.num_strips()}));
}

template <typename T>
int64_t Execution<T>::TileBytes() const {
  const int64_t inputs = (weights_.in + kPackedInputs - 1) / kPackedInputs * kPackedInputs;
  return inputs * tiles_.most_vectors() * kLanes * static_cast<int64_t>(sizeof(T)) *
         weights_.width();
}

template <typename T>
void Execution<T>::RunTiles(const Threads& threads) const {
  const int64_t cost = prepared_.instructions() * tiles_.most_vectors() / 2;
  threads.Run(tiles_.count(), cost, [this](int64_t begin, int64_t end) {
    AlignedBuffer<uint8_t>& packed = Scratch::OfThisThread().tile;
    packed.Reserve(TileBytes());
    for (int64_t tile = begin; tile < end; ++tile) {
      const bool non_finite = PackTile(tile, packed.data());
      MultiplyTile(tile, packed.data(), non_finite, 0, prepared_.num_strips());
    }
  });
}

template <typename T>
void Execution<T>::RunTilesInParts(const Threads& threads, int64_t parts) const {
  const int64_t bytes = TileBytes();
  Scratch& scratch = Scratch::OfThisThread();
  scratch.all_tiles.Reserve(tiles_.count() * bytes);
  scratch.non_finite.Reserve(tiles_.count());
  uint8_t* const packed = scratch.all_tiles.data();
  uint8_t* const non_finite = scratch.non_finite.data();
  threads.Run(tiles_.count(), weights_.in * tiles_.most_vectors(), [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) {
      non_finite[tile] = PackTile(tile, packed + tile * bytes);
    }
  });
  const int64_t cost = prepared_.instructions() * tiles_.most_vectors() / 2 / parts;
  threads.Run(tiles_.count() * parts, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t tile = item / parts, part = item % parts;
      const int64_t first = BalancedCut(prepared_.work, part, parts);
      const int64_t last = BalancedCut(prepared_.work, part + 1, parts);
      if (first < last) {
        MultiplyTile(tile, packed + tile * bytes, non_finite[tile], first, last);
      }
    }
  });
}

template <typename T>
bool Execution<T>::PackTile(int64_t tile, void* packed) const {
  PackArgs args = {};
  args.x = static_cast<const char*>(call_.x) + tiles_.begin(tile) * weights_.in * call_.x_bytes();
  args.stride = weights_.in;
  args.rows = tiles_.rows(tile);
  args.inputs = weights_.in;
  args.vectors = tiles_.vectors(tile);
  args.inv_scale = 1 / call_.x_scale;
  args.zero_point = call_.x_zero_point;
  args.tile = packed;
  return (call_.x_is_u8 ? prepared_.steps.pack_u8 : prepared_.steps.pack_f32)(args);
}

// Strips [begin, end) of a packed tile, a chunk of outputs at a time.
template <typename T>
void Execution<T>::MultiplyTile(int64_t tile, const void* packed, bool non_finite, int64_t begin,
                                int64_t end) const {
  const int vectors = tiles_.vectors(tile);
  AlignedBuffer<int32_t>& acc = Scratch::OfThisThread().acc;
  acc.Reserve(int64_t{kChunkRoom} * vectors * kLanes);
  const MultiplyFunction multiply = prepared_.kernel.multiply(prepared_.kernel.height, vectors);
  MultiplyArgs args = {};
  args.tile = packed;
  args.columns = weights_.columns.data();
  args.values = weights_.values.data();
  args.acc = acc.data();
  if (prepared_.steps.begin != nullptr) prepared_.steps.begin();
  for (int64_t s = begin; s < end;) {
    const int64_t output = weights_.strips[s].out;
    int64_t next = s + 1;
    while (next < end && prepared_.FirstOutput(next + 1) - output <= kChunkOutputs) ++next;
    const int64_t output_end = prepared_.FirstOutput(next);
    args.strips = &weights_.strips[s];
    args.num_strips = next - s;
    args.first_out = static_cast<int32_t>(output);
    args.init = constants_->init.data() + output;
    multiply(args);
    FinishChunk(tile, acc.data(), output, output_end);
    s = next;
  }
  if (prepared_.steps.end != nullptr) prepared_.steps.end();
  if (non_finite) SpreadNonFinite(tile, begin, end);
}

// Outputs [output, end) of a tile, from their sums to y.
template <typename T>
void Execution<T>::FinishChunk(int64_t tile, const void* acc, int64_t output, int64_t end) const {
  OutputArgs args = {};
  args.acc = acc;
  args.vectors = tiles_.vectors(tile);
  args.rows = tiles_.rows(tile);
  args.outputs = end - output;
  args.scale = constants_->scale.data() + output;
  args.bias = constants_->bias.data() + output;
  const int64_t first = tiles_.begin(tile) * weights_.out + output;
  args.residual = call_.residual != nullptr ? call_.residual + first : nullptr;
  args.residual_stride = weights_.out;
  args.activation = call_.activation;
  args.inv_y_scale = call_.folds_y_scale() ? 1.0f : 1 / call_.y_scale;
  args.y_zero_point = call_.y_zero_point;
  args.y = static_cast<char*>(call_.y) + first * call_.y_bytes();
  args.y_stride = weights_.out;
  (call_.y_is_u8 ? prepared_.steps.output_u8 : prepared_.steps.output_f32)(args);
}

template <typename T>
void Execution<T>::SpreadNonFinite(int64_t tile, int64_t begin, int64_t end) const {
  if constexpr (std::is_same_v<T, float>) {
    const int64_t row = tiles_.begin(tile);
    SpreadNonFiniteRows(weights_, begin, end, prepared_.FirstOutput(end),
                        static_cast<const float*>(call_.x) + row * weights_.in, tiles_.rows(tile),
                        static_cast<float*>(call_.y) + row * weights_.out);
  }
}

template class Execution<float>;
template class Execution<int8_t>;

}  // namespace tfsparse
