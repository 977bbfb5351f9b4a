// Layers in a chain: refused, with y untouched, or the bits of the layers one after the other.

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

#include "custom_ops/engine/chain.h"
#include "custom_ops/fuzz/equal_results.h"
#include "custom_ops/fuzz/random_call.h"
#include "custom_ops/fuzz/random_weights.h"
#include "custom_ops/fuzz/target.h"

namespace tfsparse {
namespace {

constexpr int64_t kMaxWidth = 96;
constexpr int64_t kMaxRows = 200;

template <typename T>
struct Layer {
  std::unique_ptr<const SparseLayer<T>> matmul;
  std::unique_ptr<RandomCall<T>> call;
};

// Layers whose widths follow each other, mostly; none where weights are refused.
template <typename T>
std::vector<Layer<T>> RandomLayers(Random& random, Isa isa) {
  const int64_t count = random.Chance(0.05) ? kMaxLayers + random.Int(-1, 1) : random.Int(1, 4);
  const int64_t rows = random.Chance(0.05) ? 0 : random.Size(kMaxRows);
  std::vector<Layer<T>> layers;
  int64_t width = random.Size(kMaxWidth) - 1;
  for (int64_t i = 0; i < count; ++i) {
    RandomWeights<T> weights(random, random.Size(kMaxWidth), width);
    if (random.Chance(0.03)) weights.Spoil(random);
    Layer<T> layer;
    if (!SparseLayer<T>::Create(weights.view(), isa, &layer.matmul).ok()) return {};
    const int64_t in = layer.matmul->in(), out = layer.matmul->out();
    if (rows * std::max(in, out) > kMaxRows * 4 * kMaxWidth) return {};
    layer.call = std::make_unique<RandomCall<T>>(random, rows, in, out);
    if (random.Chance(0.03)) layer.call->Spoil(random);
    width = out;
    layers.push_back(std::move(layer));
  }
  return layers;
}

template <typename T>
std::vector<uint8_t> RunOneByOne(const std::vector<Layer<T>>& layers, const Threads& threads) {
  constexpr bool kBytes = std::is_same_v<T, int8_t>;
  std::vector<uint8_t> x, y;
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerCall call = layers[i].call->call;
    if (i > 0) call.x.data = x.data(), call.x.is_u8 = kBytes;
    if (i + 1 < layers.size()) {
      const LayerCall& next = layers[i + 1].call->call;
      call.epilogue.residual.data = nullptr;
      call.y.is_u8 = kBytes;
      call.quantization.y_scale = next.quantization.x_scale;
      call.quantization.y_zero_point = next.quantization.x_zero_point;
    }
    y.assign(static_cast<size_t>(call.rows * layers[i].matmul->out() * call.y.element_bytes()), 0);
    call.y.data = y.data();
    Require(layers[i].matmul->Run(call, threads).ok(), "a chain refuses what its layers refuse");
    x = y;
  }
  return y;
}

}  // namespace

template <typename T>
Outcome FuzzChain(Random& random, Isa isa) {
  const std::vector<Layer<T>> layers = RandomLayers<T>(random, isa);
  std::vector<ChainLayer<T>> chained;
  for (const Layer<T>& layer : layers) chained.push_back({layer.matmul.get(), layer.call->call});
  const Threads threads = RandomThreads(random);
  Chain<T> chain(chained.data(), static_cast<int>(chained.size()));
  if (!chain.Run(threads).ok()) {
    if (!layers.empty()) {
      Require(layers.back().call->IsUntouched(), "a refused chain leaves y alone");
    }
    return Outcome::kRefused;
  }
  const RandomCall<T>& last = *layers.back().call;
  Require(AreEqual(last.y(), RunOneByOne(layers, threads), last.call.y.is_u8),
          "a chain gives the bits of its layers one by one");
  return Outcome::kAnswered;
}

template Outcome FuzzChain<float>(Random&, Isa);
template Outcome FuzzChain<BFloat16>(Random&, Isa);
template Outcome FuzzChain<int8_t>(Random&, Isa);

}  // namespace tfsparse
