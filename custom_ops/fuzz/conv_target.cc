// One convolution: its geometry or weights are refused, or a call is, with y untouched, or it is
// answered. Any number of threads gives the same bits, and INT8 answers are those of the portable
// ISA.

#include <memory>
#include <type_traits>
#include <vector>

#include "custom_ops/conv/conv.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/fuzz/equal_results.h"
#include "custom_ops/fuzz/random_axis.h"
#include "custom_ops/fuzz/random_call.h"
#include "custom_ops/fuzz/random_weights.h"
#include "custom_ops/fuzz/target.h"

namespace tfsparse {
namespace {

ConvGeometry RandomGeometry(Random& random) {
  const bool spoilt = random.Chance(0.2);
  ConvGeometry geometry;
  geometry.batch = random.Chance(0.05) ? 0 : random.Int(1, 3);
  geometry.height = RandomAxis(random, /*has_dilation=*/true, spoilt && random.Chance(0.5));
  geometry.width = RandomAxis(random, /*has_dilation=*/true, spoilt && random.Chance(0.5));
  geometry.groups = random.Pick<int64_t>({1, 1, 1, 2, 3, 8});
  geometry.channels = geometry.groups * (random.Size(70) - 1);
  geometry.filters = geometry.groups * random.Size(70);
  if (spoilt && random.Chance(0.3)) {
    int64_t* const numbers[] = {&geometry.batch, &geometry.channels, &geometry.filters,
                                &geometry.groups};
    *numbers[random.Int(0, 3)] = random.Chance(0.5) ? random.EdgeInt64() : random.Int(-1, 40);
  }
  return geometry;
}

template <typename T>
std::vector<uint8_t> RunAgain(const Conv<T>& conv, ConvCall call, size_t size,
                              const Threads& threads) {
  std::vector<uint8_t> y(size);
  call.call.y.data = y.data();
  Require(conv.Run(call, threads).ok(), "a call that was answered is answered again");
  return y;
}

// Inputs that a filter has in a quick test.
constexpr int64_t kMaxConvInputs = 5000;

}  // namespace

template <typename T>
Outcome FuzzConv(Random& random, Isa isa) {
  ConvCall call;
  const ConvGeometry geometry = call.geometry = RandomGeometry(random);
  if (geometry.batch < 0 || !Validate(geometry).ok()) return Outcome::kRefused;
  const int64_t x_size =
      Elements({geometry.batch, geometry.height.size, geometry.width.size, geometry.channels});
  const int64_t y_size = Elements({geometry.pixels(), geometry.filters});
  if (x_size < 0 || y_size < 0 || geometry.inputs() > kMaxConvInputs) return Outcome::kRefused;
  if (geometry.filters > kMaxConvInputs) return Outcome::kRefused;

  RandomWeights<T> weights(random, geometry.filters, geometry.inputs(),
                           geometry.groups > 1 ? geometry.group_filters() : 0);
  if (random.Chance(0.2)) weights.Spoil(random);
  const FilterGroups groups = {geometry.groups, geometry.height.kernel * geometry.width.kernel};
  std::unique_ptr<const Conv<T>> conv, portable;
  if (!Conv<T>::Create(weights.view(), isa, &conv, RandomThreads(random), groups).ok()) {
    return Outcome::kRefused;
  }
  RandomCall<T> made(random, geometry.pixels(), geometry.inputs(), geometry.filters, x_size);
  if (random.Chance(0.2)) made.Spoil(random);
  call.call = made.call;
  if (!conv->Run(call, RandomThreads(random)).ok()) {
    Require(made.IsUntouched(), "a refused call leaves y alone");
    return Outcome::kRefused;
  }
  const bool is_u8 = made.call.y.is_u8;
  Require(AreEqual(made.y(), RunAgain(*conv, call, made.y().size(), RoundRobin(3)), is_u8),
          "any threads give the same bits");
  if constexpr (std::is_same_v<T, int8_t>) {
    Require(Conv<T>::Create(weights.view(), Isa::kPortable, &portable, Threads(), groups).ok(),
            "every ISA takes the same weights");
    Require(AreEqual(made.y(), RunAgain(*portable, call, made.y().size(), Threads()), is_u8),
            "int8 convolutions have the same bits on every ISA");
  }
  return Outcome::kAnswered;
}

template Outcome FuzzConv<float>(Random&, Isa);
template Outcome FuzzConv<BFloat16>(Random&, Isa);
template Outcome FuzzConv<int8_t>(Random&, Isa);

}  // namespace tfsparse
