#include "custom_ops/engine/chain.h"

#include <algorithm>
#include <type_traits>

#include "custom_ops/engine/epilogue_constants.h"
#include "custom_ops/engine/tile_registers.h"
#include "custom_ops/engine/workspace.h"

namespace tfsparse {
namespace {

// Layer by layer, no more rows at a time.
constexpr int64_t kMaxRowsBetween = 1024;

}  // namespace

template <typename T>
Status Chain<T>::Run(const Threads& threads) {
  if (Status status = Check(); !status.ok()) return status;
  Link();
  for (int i = 0; i < count_; ++i) {
    if (Status status = layers_[i].matmul->Check(layers_[i].call); !status.ok()) return status;
  }
  if (rows() == 0) return {};
  if (const std::optional<Tiles> tiles = CommonTiles(threads)) {
    RunTiles(*tiles, threads);
  } else {
    RunLayers(threads);
  }
  return {};
}

template <typename T>
Status Chain<T>::Check() const {
  if (count_ < 1 || count_ > kMaxLayers) {
    return Status::Invalid("A chain should have 1 to ", kMaxLayers, " layers. Received: ", count_);
  }
  for (int i = 1; i < count_; ++i) {
    const int64_t out = layers_[i - 1].matmul->out(), in = layers_[i].matmul->in();
    if (in != out) {
      return Status::Invalid("A layer should have as many inputs as the one before has outputs. ",
                             "Received: ", in, " inputs of layer ", i, " for ", out, " outputs");
    }
  }
  return {};
}

template <typename T>
void Chain<T>::Link() {
  constexpr bool kBytes = std::is_same_v<T, int8_t>;
  for (int i = 1; i < count_; ++i) {
    LayerCall& before = layers_[i - 1].call;
    LayerCall& call = layers_[i].call;
    before.epilogue.residual.data = nullptr;
    before.y.is_u8 = call.x.is_u8 = kBytes;
    before.quantization.y_scale = call.quantization.x_scale;
    before.quantization.y_zero_point = call.quantization.x_zero_point;
  }
}

// Tiles that every layer can take, if tiles are the way to share out the work.
template <typename T>
std::optional<Tiles> Chain<T>::CommonTiles(const Threads& threads) const {
  if (count_ == 1) return {};
  TileVectors common = {1, kMaxVectors, true};
  for (int i = 0; i < count_; ++i) {
    if (layers_[i].matmul->IsSmallM(rows())) return {};
    const TileVectors own = prepared(i).kernel.vectors();
    common.min = std::max(common.min, own.min);  // powers of two
    common.max = std::min(common.max, own.max);
    common.one &= own.one;
  }
  if (common.min > common.max) return {};
  const Tiles tiles(rows(), common);
  if (!tiles.AreEnoughFor(threads.count)) return {};
  return tiles;
}

// In slices of rows, so that what is between layers stays small; even ones, because small M
// would run on other kernels, whose float sums have another order.
template <typename T>
void Chain<T>::RunLayers(const Threads& threads) {
  const int64_t slices = (rows() + kMaxRowsBetween - 1) / kMaxRowsBetween;
  for (int64_t i = 0; i < slices; ++i) {
    RunLayers(rows() * i / slices, rows() * (i + 1) / slices, threads);
  }
}

template <typename T>
void Chain<T>::RunLayers(int64_t begin, int64_t end, const Threads& threads) {
  Workspace& workspace = Workspace::OfThisThread();
  const void* x = layers_[0].call.x.at(begin * layers_[0].matmul->in());
  for (int i = 0; i < count_; ++i) {
    const int64_t out = layers_[i].matmul->out();
    LayerCall call = layers_[i].call;
    call.x.data = x;
    call.rows = end - begin;
    if (i + 1 < count_) {
      AlignedBuffer<uint8_t>& y = workspace.rows[i % 2];
      y.Reserve(call.rows * out * call.y.element_bytes());
      call.y.data = y.data();
    } else {
      call.y.data = call.y.at(begin * out);
      call.epilogue.residual.data = call.epilogue.residual.at(begin * out);
    }
    layers_[i].matmul->RunChecked(call, threads);
    x = call.y.data;
  }
}

template <typename T>
void Chain<T>::RunTiles(const Tiles& tiles, const Threads& threads) const {
  Works works;
  int64_t cost = 0;
  for (int i = 0; i < count_; ++i) {
    const LayerCall& call = layers_[i].call;
    works[i].emplace(
        prepared(i), call,
        EpilogueConstants<T>::Of(prepared(i).weight_sums, prepared(i).weights.out, call, i));
    cost += prepared(i).instructions() * tiles.max_vectors() / 2;
  }
  threads.Run(tiles.count(), cost, [&](int64_t begin, int64_t end) {
    Workspace& workspace = Workspace::OfThisThread();
    TileRegisters registers;
    for (int i = 0; i < count_; ++i) {
      registers.SetUpFor(prepared(i).functions);
      workspace.tiles[i % 2].Reserve(works[i]->PackedBytes(tiles.max_vectors()));
    }
    for (int64_t tile = begin; tile < end; ++tile) RunTile(works, tiles, tile, tile == begin);
  });
}

template <typename T>
void Chain<T>::RunTile(const Works& works, const Tiles& tiles, int64_t tile, bool is_first) const {
  Workspace& workspace = Workspace::OfThisThread();
  const LayerCall& first = layers_[0].call;
  const LayerCall& last = layers_[count_ - 1].call;
  const int64_t row = tiles.begin(tile), in = layers_[0].matmul->in();
  const int64_t out = layers_[count_ - 1].matmul->out();
  TileRows rows;
  rows.rows = tiles.rows(tile);
  rows.vectors = tiles.vectors(tile);
  rows.is_first = is_first;
  rows.x = first.x.at(row * in);
  bool non_finite = works[0]->Pack(rows, workspace.tiles[0].data());
  for (int i = 0; i + 1 < count_; ++i) {
    non_finite = Advance(works, i, &rows, workspace.tiles[i % 2].data(), non_finite,
                         workspace.tiles[(i + 1) % 2].data());
  }
  rows.residual = last.epilogue.residual.at(row * out);
  rows.y = last.y.at(row * out);
  works[count_ - 1]->Multiply(rows, workspace.tiles[(count_ - 1) % 2].data(), non_finite, 0,
                              prepared(count_ - 1).num_panels());
}

// From the packed x of a layer to that of the next. Returns whether some element of the latter
// is not finite; rows->x then has it by rows, which is what such elements are spread from.
template <typename T>
bool Chain<T>::Advance(const Works& works, int layer, TileRows* rows, void* packed, bool non_finite,
                       void* next_packed) const {
  const PackedLayer<T>& next = prepared(layer + 1);
  if (!non_finite && prepared(layer).CanFeedTileOf(next) &&
      !works[layer]->MultiplyIntoTile(*rows, packed, next, next_packed)) {
    return false;
  }
  AlignedBuffer<uint8_t>& y = Workspace::OfThisThread().rows[layer % 2];
  y.Reserve(rows->rows * layers_[layer].matmul->out() * layers_[layer].call.y.element_bytes());
  rows->y = y.data();
  works[layer]->Multiply(*rows, packed, non_finite, 0, prepared(layer).num_panels());
  rows->x = y.data();
  return works[layer + 1]->Pack(*rows, next_packed);
}

template class Chain<float>;
template class Chain<BFloat16>;
template class Chain<int8_t>;

}  // namespace tfsparse
