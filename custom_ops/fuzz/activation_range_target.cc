// The measured range of any activations gives parameters that every product takes.

#include <cmath>
#include <limits>
#include <vector>

#include "custom_ops/calibration/activation_range.h"
#include "custom_ops/fuzz/target.h"

namespace tfsparse {

Outcome FuzzActivationRange(Random& random, Isa isa) {
  const int64_t size = random.Chance(0.05) ? 0 : random.Size(5000);
  const std::vector<float> x = RandomArray<float>(random, size, random.Chance(0.7));
  const ActivationParams params =
      ParamsOf(MeasureRange(x.data(), size, isa, RandomThreads(random)));
  Require(std::isfinite(params.scale) && params.scale >= std::numeric_limits<float>::min(),
          "the scale is finite and normal");
  Require(params.zero_point >= 0 && params.zero_point <= 255, "the zero point is in [0, 255]");
  return Outcome::kAnswered;
}

}  // namespace tfsparse
