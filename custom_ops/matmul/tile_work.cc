#include "custom_ops/matmul/tile_work.h"

#include <type_traits>
#include <vector>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/matmul/non_finite.h"

namespace tfsparse {
namespace {

// Packing writes up to so many inputs at a time, from wherever a source's part begins.
constexpr int64_t kPackedInputs = 64;

// Sums of a chunk, kept between calls so that a call allocates nothing.
AlignedBuffer<int32_t>& SumsOfThisThread() {
  thread_local AlignedBuffer<int32_t> sums;
  return sums;
}

}  // namespace

template <typename T>
int64_t TileWork<T>::PackedBytes(int vectors) const {
  return (weights_.in + kPackedInputs) * InputBytes(vectors);
}

template <typename T>
bool TileWork<T>::Pack(const TileRows& tile, void* packed) const {
  if (weights_.in == 0) return false;  // no x, which may be null then
  PackArgs args = {};
  args.x = tile.x;
  args.stride = call_.x_step(weights_.in);
  args.rows = tile.rows;
  args.inputs = weights_.in;
  args.vectors = tile.vectors;
  args.inv_scale = 1 / call_.x_scale;
  args.zero_point = call_.x_zero_point;
  args.tile = packed;
  const PackFunction pack = call_.x_is_u8 ? prepared_.steps.pack_u8 : prepared_.steps.pack_f32;
  if (call_.source == nullptr) return pack(args);
  return call_.source->Pack(pack, args, tile.first, InputBytes(tile.vectors));
}

// Calls finish(acc, output, output_end) with the sums of a chunk of outputs.
template <typename T>
template <class Finish>
void TileWork<T>::MultiplyChunks(int vectors, const void* packed, int64_t begin, int64_t end,
                                 const Finish& finish) const {
  AlignedBuffer<int32_t>& acc = SumsOfThisThread();
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
    const int64_t next = prepared_.ChunkEnd(s, end);
    args.strips = &weights_.strips[s];
    args.num_strips = next - s;
    args.first_out = static_cast<int32_t>(output);
    args.init = constants_.init.data() + output;
    multiply(args);
    finish(acc.data(), output, prepared_.FirstOutput(next));
    s = next;
  }
  if (prepared_.steps.end != nullptr) prepared_.steps.end();
}

template <typename T>
void TileWork<T>::Multiply(const TileRows& tile, const void* packed, bool non_finite, int64_t begin,
                           int64_t end) const {
  const OutputFunction finish =
      call_.y_is_u8 ? prepared_.steps.output_u8 : prepared_.steps.output_f32;
  MultiplyChunks(tile.vectors, packed, begin, end,
                 [&](const void* acc, int64_t output, int64_t output_end) {
                   OutputArgs args = Chunk(tile, acc, output, output_end);
                   if (tile.residual != nullptr) AddResidual(tile, output, &args);
                   args.y = static_cast<char*>(tile.y) + output * call_.y_bytes();
                   finish(args);
                 });
  if (non_finite) SpreadNonFinite(tile, begin, end);
}

template <typename T>
bool TileWork<T>::MultiplyAndHandOver(const TileRows& tile, const void* packed,
                                      const PreparedMatmul<T>& next, void* next_packed) const {
  bool non_finite = false;
  const int64_t bytes = tile.vectors * kLanes * static_cast<int64_t>(sizeof(T)) *
                        next.weights.width();  // of an input
  MultiplyChunks(tile.vectors, packed, 0, prepared_.num_strips(),
                 [&](const void* acc, int64_t output, int64_t output_end) {
                   OutputArgs args = Chunk(tile, acc, output, output_end);
                   args.y = static_cast<char*>(next_packed) + output * bytes;
                   non_finite |= next.steps.pack_sums(args);
                 });
  return non_finite;
}

template <typename T>
void TileWork<T>::AddResidual(const TileRows& tile, int64_t output, OutputArgs* args) const {
  args->residual = static_cast<const char*>(tile.residual) + output * call_.residual_bytes();
  args->residual_stride = call_.y_step(weights_.out);
  args->residual_is_u8 = call_.residual_is_u8;
  args->residual_scale = call_.scale_of_residual();
  args->residual_zero_point = call_.offset_of_residual();
}

// Outputs [output, end) of a tile and their sums, without residual.
template <typename T>
OutputArgs TileWork<T>::Chunk(const TileRows& tile, const void* acc, int64_t output,
                              int64_t end) const {
  OutputArgs args = {};
  args.acc = acc;
  args.vectors = tile.vectors;
  args.rows = tile.rows;
  args.outputs = end - output;
  args.scale = constants_.scale.data() + output;
  args.bias = constants_.bias.data() + output;
  args.activation = call_.activation;
  args.fits_int32 = constants_.fits_int32;
  args.inv_y_scale = call_.folds_y_scale() ? 1.0f : 1 / call_.y_scale;
  args.y_zero_point = call_.y_zero_point;
  args.y_stride = call_.y_step(weights_.out);
  return args;
}

template <typename T>
void TileWork<T>::SpreadNonFinite(const TileRows& tile, int64_t begin, int64_t end) const {
  if constexpr (!std::is_same_v<T, int8_t>) {
    std::vector<float> copied;
    const float* x = static_cast<const float*>(tile.x);
    if (call_.source != nullptr) {
      copied.resize(tile.rows * weights_.in);
      call_.source->Copy(tile.first, tile.rows, copied.data());
      x = copied.data();
    }
    SpreadNonFiniteRows(weights_, begin, end, prepared_.FirstOutput(end), x,
                        call_.source != nullptr ? weights_.in : call_.x_step(weights_.in),
                        tile.rows, static_cast<float*>(tile.y), call_.y_step(weights_.out));
  }
}

template class TileWork<float>;
template class TileWork<BFloat16>;
template class TileWork<int8_t>;

}  // namespace tfsparse
