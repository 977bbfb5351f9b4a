// Depthwise convolutions: arguments are refused, or the answer is what the definition says.

#include <vector>

#include "custom_ops/conv/depthwise.h"
#include "custom_ops/conv/depthwise_problem.h"
#include "custom_ops/fuzz/random_axis.h"
#include "custom_ops/fuzz/target.h"

namespace tfsparse {

Outcome FuzzDepthwise(Random& random, Isa isa) {
  const bool spoilt = random.Chance(0.3);
  DepthwiseCall call;
  call.batch = random.Chance(0.05) ? 0 : random.Int(1, 3);
  call.height = RandomAxis(random, /*has_dilation=*/true, spoilt && random.Chance(0.5));
  call.width = RandomAxis(random, /*has_dilation=*/true, spoilt && random.Chance(0.5));
  call.channels = random.Size(150) - 1;
  if (call.channels < 0 || !ValidateDepthwise(call.height, call.width).ok()) {
    return Outcome::kRefused;
  }
  const int64_t x_size = Elements({call.batch, call.height.size, call.width.size, call.channels});
  const int64_t y_size = Elements({call.batch, call.height.out(), call.width.out(), call.channels});
  const int64_t w_size = Elements({call.height.kernel, call.width.kernel, call.channels});
  if (x_size < 0 || y_size < 0 || w_size < 0) return Outcome::kRefused;
  call.call.x.is_u8 = random.Chance(0.7), call.call.y.is_u8 = random.Chance(0.7);
  const auto bytes = RandomArray<uint8_t>(random, call.call.x.is_u8 ? x_size : 0, false);
  const auto floats = RandomArray<float>(random, call.call.x.is_u8 ? 0 : x_size, false);
  const auto weights = RandomArray<int8_t>(random, w_size, false);
  const auto bias = RandomArray<float>(random, call.channels, false);
  std::vector<float> scales = Exact<float>(call.channels);
  for (float& scale : scales) scale = 0.001f * static_cast<float>(random.Int(1, 20));
  std::vector<uint8_t> y = Exact<uint8_t>(y_size * call.call.y.element_bytes());
  call.call.x.data = call.call.x.is_u8 ? static_cast<const void*>(bytes.data()) : floats.data();
  call.call.y.data = y.data();
  call.weights = weights.data();
  if (random.Chance(0.7)) call.call.epilogue.bias = bias.data();
  call.call.epilogue.activation =
      static_cast<Activation>(random.Int(0, static_cast<int64_t>(Activation::kSilu)));
  Quantization& quantization = call.call.quantization;
  quantization.x_scale = random.Pick<float>({0.05f, 1.0f, 0.0f});
  quantization.x_zero_point = static_cast<int32_t>(random.Int(spoilt ? -1 : 0, 255));
  quantization.y_scale = random.Pick<float>({0.04f, 1.0f, 3.0f});
  quantization.y_zero_point = static_cast<int32_t>(random.Int(0, spoilt ? 256 : 255));
  quantization.w_scale = scales.data();
  if (!Depthwise(call, isa, RandomThreads(random)).ok()) return Outcome::kRefused;
  Require(IsDepthwise(call), "a channel is the sum of its taps, scaled, shifted and activated");
  return Outcome::kAnswered;
}

}  // namespace tfsparse
