// Normalization is refused, or has the bits of the portable ISA.

#include <cmath>
#include <vector>

#include "custom_ops/fuzz/target.h"
#include "custom_ops/norm/normalization.h"

namespace tfsparse {

Outcome FuzzNormalization(Random& random, Isa isa) {
  NormalizationCall call;
  call.rows = random.Chance(0.05) ? 0 : random.Size(40);
  call.size = random.Chance(0.05) ? 0 : random.Size(300);
  call.centers = random.Chance(0.5);
  call.epsilon = random.Chance(0.8) ? 1e-6f : random.AnyFloat();
  call.y_scale = random.Chance(0.8) ? 0.02f : random.AnyFloat();
  call.y_zero_point = random.Chance(0.8) ? 128 : random.EdgeInt32();
  if (!ValidateNormalization(call).ok()) return Outcome::kRefused;
  const bool wild = random.Chance(0.4);
  const int64_t size = call.rows * call.size;
  const std::vector<float> x = RandomArray<float>(random, size, wild);
  const std::vector<float> residual = RandomArray<float>(random, size, wild);
  const std::vector<float> gamma = RandomArray<float>(random, call.size, wild);
  const std::vector<float> beta = RandomArray<float>(random, call.size, wild);
  call.x = x.data();
  if (random.Chance(0.5)) call.residual = residual.data();
  if (random.Chance(0.5)) call.gamma = gamma.data();
  if (random.Chance(0.5)) call.beta = beta.data();
  const bool wants[] = {random.Chance(0.7), random.Chance(0.5), random.Chance(0.3)};
  std::vector<float> y[2], sum[2];
  std::vector<uint8_t> bytes[2];
  const Threads threads = RandomThreads(random);
  for (int i : {0, 1}) {
    y[i] = sum[i] = Exact<float>(size);
    bytes[i] = Exact<uint8_t>(size);
    call.y = wants[0] || !wants[1] ? y[i].data() : nullptr;
    call.y_u8 = wants[1] ? bytes[i].data() : nullptr;
    call.sum = wants[2] ? sum[i].data() : nullptr;
    Normalize(call, i == 0 ? isa : Isa::kPortable, threads);
  }
  for (int64_t i = 0; i < size; ++i) {
    const bool is_same = y[0][i] == y[1][i] || (std::isnan(y[0][i]) && std::isnan(y[1][i]));
    Require(is_same, "a result is the portable ISA's");
  }
  Require(bytes[0] == bytes[1], "bytes are the portable ISA's");
  return Outcome::kAnswered;
}

}  // namespace tfsparse
