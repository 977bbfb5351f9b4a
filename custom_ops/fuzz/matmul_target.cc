// One product: weights are refused or packed, and a call is refused, with y untouched, or answered.
// INT8 answers are those of the portable path, to the last bit.

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

#include "custom_ops/fuzz/random_call.h"
#include "custom_ops/fuzz/random_weights.h"
#include "custom_ops/fuzz/target.h"
#include "custom_ops/matmul/matmul.h"

namespace tfsparse {
namespace {

constexpr int64_t kMostWidth = 200;
constexpr int64_t kMostElements = 1 << 15;

// As many rows as there is memory for in a quick test, which may be none.
int64_t RandomRows(Random& random, int64_t in, int64_t out) {
  const int64_t widest = std::max(in, out);
  return random.Chance(0.05) ? 0 : std::min(random.Size(300), kMostElements / widest);
}

template <typename T>
void RequirePortableBits(const RandomWeights<T>& weights, const MatmulCall& call,
                         const std::vector<uint8_t>& y) {
  std::unique_ptr<const Matmul<T>> portable;
  Require(Matmul<T>::Create(weights.view(), Path::kPortable, &portable).ok(),
          "every path takes the same weights");
  MatmulCall again = call;
  std::vector<uint8_t> expected(y.size());
  again.y = expected.data();
  Require(portable->Run(again, Threads()).ok(), "every path takes the same calls");
  Require(expected == y, "int8 products have the same bits on every path");
}

}  // namespace

template <typename T>
Outcome FuzzMatmul(Random& random, Path path) {
  RandomWeights<T> weights(random, random.Size(kMostWidth), random.Size(kMostWidth) - 1);
  if (random.Chance(0.4)) weights.Spoil(random);
  if (random.Chance(0.1)) weights.Spoil(random);
  const Threads threads = RandomThreads(random);
  std::unique_ptr<const Matmul<T>> matmul;
  if (!Matmul<T>::Create(weights.view(), path, &matmul, threads).ok()) return Outcome::kRefused;
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

template Outcome FuzzMatmul<float>(Random&, Path);
template Outcome FuzzMatmul<BFloat16>(Random&, Path);
template Outcome FuzzMatmul<int8_t>(Random&, Path);

}  // namespace tfsparse
