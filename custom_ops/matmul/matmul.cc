#include "custom_ops/matmul/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <utility>

#include "custom_ops/base/balanced_cut.h"
#include "custom_ops/matmul/non_finite.h"

namespace tfsparse {
namespace {

// A strip costs about this many groups beside its groups: clearing, storing and
// finishing its sums.
constexpr int64_t kStripOverhead = 16;

// Less work than this, in multiply instructions, is not worth a second thread.
constexpr int64_t kMinInstructions = 1 << 14;

constexpr int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Buffers of a thread, kept between calls so that a call allocates nothing.
struct Scratch {
  AlignedBuffer<uint8_t> tile;
  AlignedBuffer<uint8_t> all_tiles;
  AlignedBuffer<int32_t> acc;

  static Scratch& OfThisThread() {
    thread_local Scratch scratch;
    return scratch;
  }
};

Status CheckScale(const char* name, float scale) {
  if (std::isfinite(scale) && scale > 0 && std::isfinite(1 / scale)) return {};
  return Status::Invalid("`", name,
                         "` should be finite and positive. Received: ", scale);
}

Status CheckZeroPoint(const char* name, int32_t zero_point) {
  if (zero_point >= 0 && zero_point <= 255) return {};
  return Status::Invalid("`", name,
                         "` should be in [0, 255]. Received: ", zero_point);
}

// Sums of the weights of each output; fails if sums of products with uint8
// could leave int32.
Status SumWeights(const BlockSparseMatrix<int8_t>& m,
                  std::vector<int32_t>* sums) {
  std::vector<int64_t> sum(m.out), magnitude(m.out);
  for (int64_t row = 0; row < m.block_rows(); ++row) {
    for (int64_t b = m.indptr[row]; b < m.indptr[row + 1]; ++b) {
      const int64_t height = std::min(m.block_out, m.out - row * m.block_out);
      const int64_t width =
          std::min(m.block_in, m.in - m.indices[b] * m.block_in);
      for (int64_t h = 0; h < height; ++h) {
        for (int64_t i = 0; i < width; ++i) {
          const int64_t w = m.block(b)[h * m.block_in + i];
          sum[row * m.block_out + h] += w;
          magnitude[row * m.block_out + h] += std::abs(w);
        }
      }
    }
  }
  for (int64_t n = 0; n < m.out; ++n) {
    if (magnitude[n] > std::numeric_limits<int32_t>::max() / 255) {
      return Status::Invalid(
          "255 times the sum of an output's absolute int8 weights should fit "
          "in 32 bits. "
          "Received: a sum of ",
          magnitude[n], " for output ", n);
    }
  }
  sums->assign(sum.begin(), sum.end());
  return {};
}

}  // namespace

// Rows of x in tiles of as even a number of vectors as there is.
template <typename T>
struct Matmul<T>::Tiles {
  int64_t rows;
  int64_t count;
  int64_t vectors;  // of all tiles together

  int64_t first_vector(int64_t tile) const { return vectors * tile / count; }
  int64_t first_row(int64_t tile) const { return first_vector(tile) * kLanes; }
  int64_t end_row(int64_t tile) const {
    return std::min(rows, first_row(tile + 1));
  }
  int64_t tile_rows(int64_t tile) const {
    return end_row(tile) - first_row(tile);
  }
  int tile_vectors(int64_t tile) const {
    return static_cast<int>(first_vector(tile + 1) - first_vector(tile));
  }
  int most_vectors() const {
    return static_cast<int>((vectors + count - 1) / count);
  }
};

template <typename T>
Matmul<T>::Matmul(const Kernel<T>& kernel)
    : kernel_(kernel), steps_(SelectSteps(kernel)) {}

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, Path path,
                         std::unique_ptr<const Matmul>* matmul) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  return Create(
      matrix, SelectKernel<T>(path, matrix.block_out, matrix.block_in), matmul);
}

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix,
                         const Kernel<T>& kernel,
                         std::unique_ptr<const Matmul>* matmul) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  std::unique_ptr<Matmul> made(new Matmul(kernel));
  if constexpr (std::is_same_v<T, int8_t>) {
    if (Status status = SumWeights(matrix, &made->sums_); !status.ok())
      return status;
  }
  made->weights_ = Pack(matrix, kernel.layout, kernel.height);
  made->no_bias_.Reserve(matrix.out);
  made->work_.push_back(0);
  for (const Strip& strip : made->weights_.strips) {
    made->work_.push_back(made->work_.back() + strip.groups + kStripOverhead);
  }
  *matmul = std::move(made);
  return {};
}

template <typename T>
Status Matmul<T>::Check(const MatmulCall& call) const {
  int64_t product;
  if (__builtin_mul_overflow(call.rows, in(), &product) ||
      __builtin_mul_overflow(product, out(), &product)) {
    return Status::Invalid(
        "rows x inputs x outputs should fit in 64 bits. Received: ", call.rows,
        " x ", in(), " x ", out());
  }
  if constexpr (std::is_same_v<T, int8_t>) {
    for (const Status& status :
         {CheckScale("x_scale", call.x_scale),
          CheckScale("y_scale", call.y_scale),
          CheckZeroPoint("x_zero_point", call.x_zero_point),
          CheckZeroPoint("y_zero_point", call.y_zero_point)}) {
      if (!status.ok()) return status;
    }
    for (int64_t n = 0; n < out(); ++n) {
      if (!std::isfinite(call.w_scale[n] * call.x_scale)) {
        return Status::Invalid(
            "`w_scale` times `x_scale` should be finite. Received: w_scale[", n,
            "]=", call.w_scale[n], ", x_scale=", call.x_scale);
      }
    }
  }
  return {};
}

template <typename T>
typename Matmul<T>::Tiles Matmul<T>::PlanTiles(int64_t rows) const {
  int64_t vectors = (rows + kLanes - 1) / kLanes;
  if (kernel_.min_vectors == kernel_.max_vectors)
    vectors = RoundUp(vectors, kernel_.max_vectors);
  const int64_t count =
      (vectors + kernel_.max_vectors - 1) / kernel_.max_vectors;
  return {rows, count, vectors};
}

// Ranges that the outputs are cut into, so that all threads have work and
// finish at about the same time.
template <typename T>
int64_t Matmul<T>::OutputParts(const Tiles& tiles, int threads) const {
  if (threads <= 1 || tiles.count >= 4 * threads || tiles.count % threads == 0)
    return 1;
  const int64_t instructions = work_.back() * kernel_.height * tiles.vectors;
  const int64_t wanted = (4 * threads + tiles.count - 1) / tiles.count;
  const int64_t worth = instructions / tiles.count / kMinInstructions;
  const int64_t strips = static_cast<int64_t>(weights_.strips.size());
  return std::max<int64_t>(1, std::min({wanted, worth, strips}));
}

// Packing may write up to 64 inputs at a time (uint8) or 16 (float).
template <typename T>
int64_t Matmul<T>::TileBytes(int vectors) const {
  return RoundUp(in(), 64) * vectors * kLanes * static_cast<int64_t>(sizeof(T));
}

template <typename T>
bool Matmul<T>::PackTile(const MatmulCall& call, const Tiles& tiles,
                         int64_t tile, void* packed) const {
  PackArgs args = {};
  const int64_t first = tiles.first_row(tile) * in();
  args.x =
      call.x_is_u8
          ? static_cast<const void*>(static_cast<const uint8_t*>(call.x) +
                                     first)
          : static_cast<const void*>(static_cast<const float*>(call.x) + first);
  args.stride = in();
  args.rows = tiles.tile_rows(tile);
  args.inputs = in();
  args.vectors = tiles.tile_vectors(tile);
  args.inv_scale = 1 / call.x_scale;
  args.zero_point = call.x_zero_point;
  args.tile = packed;
  return (call.x_is_u8 ? steps_.pack_u8 : steps_.pack_f32)(args);
}

template <typename T>
int64_t Matmul<T>::StripEnd(int64_t strip) const {
  const bool last = strip == static_cast<int64_t>(weights_.strips.size());
  return last ? weights_.out : weights_.strips[strip].out;
}

// Strips [begin, end), a chunk of outputs at a time.
template <typename T>
void Matmul<T>::RunStrips(const MatmulCall& call, const Tiles& tiles,
                          int64_t tile, const void* packed, int64_t begin,
                          int64_t end) const {
  const int vectors = tiles.tile_vectors(tile);
  AlignedBuffer<int32_t>& acc = Scratch::OfThisThread().acc;
  acc.Reserve(RoundUp(kChunkOutputs + kMaxHeight, 16) * vectors * kLanes);
  const MultiplyFunction multiply = kernel_.multiply(kernel_.height, vectors);
  MultiplyArgs args = {};
  args.tile = packed;
  args.columns = weights_.columns.data();
  args.values = weights_.values.data();
  args.acc = acc.data();
  for (int64_t s = begin; s < end;) {
    const int64_t first = weights_.strips[s].out;
    int64_t next = s + 1;
    while (next < end && StripEnd(next + 1) - first <= kChunkOutputs) ++next;
    args.strips = &weights_.strips[s];
    args.num_strips = next - s;
    args.first_out = static_cast<int32_t>(first);
    multiply(args);
    FinishChunk(call, tiles, tile, acc.data(), first, StripEnd(next));
    s = next;
  }
}

// Outputs [output, end) of a tile, from their sums to y.
template <typename T>
void Matmul<T>::FinishChunk(const MatmulCall& call, const Tiles& tiles,
                            int64_t tile, const void* acc, int64_t output,
                            int64_t end) const {
  float scale[kChunkOutputs + kMaxHeight];
  int32_t offset[kChunkOutputs + kMaxHeight];
  if constexpr (std::is_same_v<T, int8_t>) {
    for (int64_t n = output; n < end; ++n) {
      scale[n - output] = call.x_scale * call.w_scale[n];
      offset[n - output] = call.x_zero_point * sums_[n];
    }
  }
  OutputArgs args = {};
  args.acc = acc;
  args.vectors = tiles.tile_vectors(tile);
  args.rows = tiles.tile_rows(tile);
  args.outputs = end - output;
  args.offset = offset;
  args.scale = scale;
  args.bias = (call.bias != nullptr ? call.bias : no_bias_.data()) + output;
  args.relu = call.relu;
  args.inv_y_scale = 1 / call.y_scale;
  args.y_zero_point = call.y_zero_point;
  const int64_t first = tiles.first_row(tile) * out() + output;
  args.y = call.y_is_u8
               ? static_cast<void*>(static_cast<uint8_t*>(call.y) + first)
               : static_cast<void*>(static_cast<float*>(call.y) + first);
  args.y_stride = out();
  (call.y_is_u8 ? steps_.output_u8 : steps_.output_f32)(args);
}

template <typename T>
void Matmul<T>::SpreadNonFinite(const MatmulCall& call, const Tiles& tiles,
                                int64_t tile, int64_t begin,
                                int64_t end) const {
  if constexpr (std::is_same_v<T, float>) {
    const int64_t row = tiles.first_row(tile);
    SpreadNonFiniteRows(weights_, begin, end, StripEnd(end),
                        static_cast<const float*>(call.x) + row * in(),
                        tiles.tile_rows(tile),
                        static_cast<float*>(call.y) + row * out());
  }
}

template <typename T>
Status Matmul<T>::Run(const MatmulCall& call, const Threads& threads) const {
  if (Status status = Check(call); !status.ok()) return status;
  if (call.rows == 0) return {};
  const Tiles tiles = PlanTiles(call.rows);
  const int64_t parts = OutputParts(tiles, threads.count);
  const int64_t bytes = TileBytes(tiles.most_vectors());
  const int64_t cost = work_.back() * kernel_.height * tiles.most_vectors() / 2;

  if (parts == 1) {
    const int64_t strips = static_cast<int64_t>(weights_.strips.size());
    threads.Run(tiles.count, cost, [&](int64_t begin, int64_t end) {
      AlignedBuffer<uint8_t>& packed = Scratch::OfThisThread().tile;
      packed.Reserve(bytes);
      for (int64_t tile = begin; tile < end; ++tile) {
        const bool non_finite = PackTile(call, tiles, tile, packed.data());
        RunStrips(call, tiles, tile, packed.data(), 0, strips);
        if (non_finite) SpreadNonFinite(call, tiles, tile, 0, strips);
      }
    });
    return {};
  }

  AlignedBuffer<uint8_t>& packed = Scratch::OfThisThread().all_tiles;
  packed.Reserve(tiles.count * bytes);
  uint8_t* const all = packed.data();
  std::vector<char> non_finite(tiles.count);
  threads.Run(tiles.count, in() * tiles.most_vectors(),
              [&](int64_t begin, int64_t end) {
                for (int64_t tile = begin; tile < end; ++tile) {
                  non_finite[tile] =
                      PackTile(call, tiles, tile, all + tile * bytes);
                }
              });
  threads.Run(tiles.count * parts, cost / parts,
              [&](int64_t begin, int64_t end) {
                for (int64_t item = begin; item < end; ++item) {
                  const int64_t tile = item / parts, part = item % parts;
                  const int64_t first = BalancedCut(work_, part, parts);
                  const int64_t last = BalancedCut(work_, part + 1, parts);
                  if (first == last) continue;
                  RunStrips(call, tiles, tile, all + tile * bytes, first, last);
                  if (non_finite[tile])
                    SpreadNonFinite(call, tiles, tile, first, last);
                }
              });
  return {};
}

template class Matmul<float>;
template class Matmul<int8_t>;

}  // namespace tfsparse
