// One product: weights are refused or packed, and a call is refused, with y untouched, or answered.
// INT8 answers are those of the portable ISA, to the last bit.

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/fuzz/random_call.h"
#include "custom_ops/fuzz/random_weights.h"
#include "custom_ops/fuzz/target.h"

namespace tfsparse {
namespace {

constexpr int64_t kMaxWidth = 200;
constexpr int64_t kMaxElements = 1 << 15;

// As many rows as there is memory for in a quick test, which may be none.
int64_t RandomRows(Random& random, int64_t in, int64_t out) {
  const int64_t widest = std::max(in, out);
  return random.Chance(0.05) ? 0 : std::min(random.Size(300), kMaxElements / widest);
}

template <typename T>
void RequirePortableBits(const RandomWeights<T>& weights, const LayerCall& call,
                         const std::vector<uint8_t>& y) {
  std::unique_ptr<const SparseLayer<T>> portable;
  Require(SparseLayer<T>::Create(weights.view(), Isa::kPortable, &portable).ok(),
          "every ISA takes the same weights");
  LayerCall again = call;
  std::vector<uint8_t> expected(y.size());
  again.y.data = expected.data();
  Require(portable->Run(again, Threads()).ok(), "every ISA takes the same calls");
  Require(expected == y, "int8 products have the same bits on every ISA");
}

}  // namespace

template <typename T>
Outcome FuzzMatmul(Random& random, Isa isa) {
  RandomWeights<T> weights(random, random.Size(kMaxWidth), random.Size(kMaxWidth) - 1);
  if (random.Chance(0.4)) weights.Spoil(random);
  if (random.Chance(0.1)) weights.Spoil(random);
  const Threads threads = RandomThreads(random);
  std::unique_ptr<const SparseLayer<T>> matmul;
  if (!SparseLayer<T>::Create(weights.view(), isa, &matmul, threads).ok()) return Outcome::kRefused;
  const int64_t in = matmul->in(), out = matmul->out();
  RandomCall<T> call(random, RandomRows(random, in, out), in, out);
  const bool spoilt = random.Chance(0.3);
  if (spoilt) call.Spoil(random);
  if (!matmul->Run(call.call, threads).ok()) {
    Require(call.IsUntouched(), "a refused call leaves y alone");
    return Outcome::kRefused;
  }
  if constexpr (std::is_same_v<T, int8_t>) RequirePortableBits(weights, call.call, call.y());
  return Outcome::kAnswered;
}

template Outcome FuzzMatmul<float>(Random&, Isa);
template Outcome FuzzMatmul<BFloat16>(Random&, Isa);
template Outcome FuzzMatmul<int8_t>(Random&, Isa);

}  // namespace tfsparse
