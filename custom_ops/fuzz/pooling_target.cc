// Pooling of uint8 images: a window is refused, or the answer is what its definition says.

#include <vector>

#include "custom_ops/conv/pooling.h"
#include "custom_ops/conv/pooling_reference.h"
#include "custom_ops/fuzz/random_axis.h"
#include "custom_ops/fuzz/target.h"

namespace tfsparse {

Outcome FuzzPooling(Random& random, Isa /*there is but one*/) {
  const bool spoilt = random.Chance(0.3);
  PoolCall call;
  call.pooling = random.Chance(0.5) ? Pooling::kMax : Pooling::kAverage;
  call.batch = random.Chance(0.05) ? 0 : random.Int(1, 3);
  call.height = RandomAxis(random, /*has_dilation=*/false, spoilt && random.Chance(0.5));
  call.width = RandomAxis(random, /*has_dilation=*/false, spoilt && random.Chance(0.5));
  call.channels = random.Size(150) - 1;
  if (spoilt && random.Chance(0.3)) call.channels = random.EdgeInt64();
  if (call.channels < 0 || !ValidatePooling(call.height, call.width).ok()) return Outcome::kRefused;
  const int64_t x_size = Elements({call.batch, call.height.size, call.width.size, call.channels});
  const int64_t y_size = Elements({call.batch, call.height.out(), call.width.out(), call.channels});
  if (x_size < 0 || y_size < 0) return Outcome::kRefused;
  const std::vector<uint8_t> x = RandomArray<uint8_t>(random, x_size, false);
  std::vector<uint8_t> y = Exact<uint8_t>(y_size);
  call.x = x.data();
  call.y = y.data();
  Pool(call, RandomThreads(random));
  Require(y == PooledByDefinition(call), "a window's maximum or average is that of its places");
  return Outcome::kAnswered;
}

}  // namespace tfsparse
