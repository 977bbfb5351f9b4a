#include "custom_ops/engine/tile_runner.h"

#include <type_traits>
#include <vector>

#include "custom_ops/engine/epilogue_args.h"
#include "custom_ops/engine/non_finite.h"
#include "custom_ops/engine/workspace.h"

namespace tfsparse {
namespace {

// Packing writes up to so many inputs at a time, from wherever a source's part begins.
constexpr int64_t kPackedInputs = 64;

// Packed weights of more bytes do not stay in the second level of cache from tile to tile.
constexpr int64_t kCachedBytes = 1 << 20;

}  // namespace

template <typename T>
int64_t TileRunner<T>::PackedBytes(int vectors) const {
  return (weights_.in + kPackedInputs) * InputBytes(vectors);
}

template <typename T>
bool TileRunner<T>::Pack(const TileRows& tile, void* packed) const {
  if (weights_.in == 0) return false;  // no x, which may be null then
  PackArgs args = {};
  args.x = tile.x;
  args.stride = call_.x.step(weights_.in);
  args.rows = tile.rows;
  args.inputs = weights_.in;
  args.vectors = tile.vectors;
  args.inv_scale = 1 / call_.quantization.x_scale;
  args.zero_point = call_.quantization.x_zero_point;
  args.tile = packed;
  const PackFunction pack =
      call_.x.is_u8 ? prepared_.functions.pack_u8 : prepared_.functions.pack_f32;
  if (call_.x.source == nullptr) return pack(args);
  return call_.x.source->Pack(pack, args, tile.first, InputBytes(tile.vectors));
}

// Calls finish(acc, output, output_end) with the sums of an N block of outputs.
template <typename T>
template <class Finish>
void TileRunner<T>::MultiplyNBlocks(const TileRows& tile, const void* packed, int64_t begin,
                                    int64_t end, const Finish& finish) const {
  AlignedBuffer<int32_t>& acc = Workspace::OfThisThread().accumulators;
  acc.Reserve(int64_t{kPaddedNBlock} * tile.vectors * kLanes);
  const MultiplyFunction multiply =
      prepared_.kernel.multiply(prepared_.kernel.format.nr, tile.vectors);
  MultiplyArgs args = {};
  args.tile = packed;
  args.columns = weights_.columns.data();
  args.values = weights_.values.data();
  args.acc = acc.data();
  args.fetches_ahead = tile.is_first || weights_.bytes() > kCachedBytes;
  for (int64_t s = begin; s < end;) {
    const int64_t output = weights_.panels[s].out;
    const int64_t next = prepared_.NBlockEnd(s, end);
    args.panels = &weights_.panels[s];
    args.num_panels = next - s;
    args.first_out = static_cast<int32_t>(output);
    args.acc_init = constants_.acc_init + output;
    multiply(args);
    finish(acc.data(), output, prepared_.FirstOutput(next));
    s = next;
  }
}

template <typename T>
void TileRunner<T>::Multiply(const TileRows& tile, const void* packed, bool non_finite,
                             int64_t begin, int64_t end) const {
  const EpilogueFunction finish =
      call_.y.is_u8 ? prepared_.functions.epilogue_u8 : prepared_.functions.epilogue_f32;
  MultiplyNBlocks(tile, packed, begin, end,
                  [&](const void* acc, int64_t output, int64_t output_end) {
                    EpilogueArgs args = EpilogueOf(tile, acc, output, output_end);
                    if (tile.residual != nullptr) {
                      SetResidual(call_,
                                  static_cast<const char*>(tile.residual) +
                                      output * call_.epilogue.residual.element_bytes(),
                                  &args);
                    }
                    args.y = static_cast<char*>(tile.y) + output * call_.y.element_bytes();
                    finish(args);
                  });
  if (non_finite) SpreadNonFinite(tile, begin, end);
}

template <typename T>
bool TileRunner<T>::MultiplyIntoTile(const TileRows& tile, const void* packed,
                                     const PackedLayer<T>& next, void* next_packed) const {
  bool non_finite = false;
  const int64_t bytes = tile.vectors * kLanes * static_cast<int64_t>(sizeof(T)) *
                        next.weights.width();  // of an input
  MultiplyNBlocks(tile, packed, 0, prepared_.num_panels(),
                  [&](const void* acc, int64_t output, int64_t output_end) {
                    EpilogueArgs args = EpilogueOf(tile, acc, output, output_end);
                    args.y = static_cast<char*>(next_packed) + output * bytes;
                    non_finite |= next.functions.epilogue_to_tile(args);
                  });
  return non_finite;
}

// Outputs [output, end) of a tile and their accumulators, without residual.
template <typename T>
EpilogueArgs TileRunner<T>::EpilogueOf(const TileRows& tile, const void* acc, int64_t output,
                                       int64_t end) const {
  EpilogueArgs args = MakeEpilogueArgs(call_, constants_, output, end, weights_.out);
  args.acc = acc;
  args.vectors = tile.vectors;
  args.rows = tile.rows;
  return args;
}

template <typename T>
void TileRunner<T>::SpreadNonFinite(const TileRows& tile, int64_t begin, int64_t end) const {
  if constexpr (!std::is_same_v<T, int8_t>) {
    std::vector<float> copied;
    const float* x = static_cast<const float*>(tile.x);
    if (call_.x.source != nullptr) {
      copied.resize(tile.rows * weights_.in);
      call_.x.source->Copy(tile.first, tile.rows, copied.data());
      x = copied.data();
    }
    SpreadNonFiniteRows(weights_, begin, end, prepared_.FirstOutput(end), x,
                        call_.x.source != nullptr ? weights_.in : call_.x.step(weights_.in),
                        tile.rows, static_cast<float*>(tile.y), call_.y.step(weights_.out));
  }
}

template class TileRunner<float>;
template class TileRunner<BFloat16>;
template class TileRunner<int8_t>;

}  // namespace tfsparse
