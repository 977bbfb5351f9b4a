#ifndef TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_CALL_H_
#define TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_CALL_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "custom_ops/engine/layer_call.h"
#include "custom_ops/fuzz/random.h"

namespace tfsparse {

// What an op hands over beside its weights, once it has seen that tensors have the right sizes:
// each has exactly the memory that it needs, biases are finite, and values are anything else.
template <typename T>
class RandomCall {
 public:
  static constexpr uint8_t kUntouched = 0xa5;

  // For weights of `in` inputs and `out` outputs, with x and y of so many rows.
  RandomCall(Random& random, int64_t rows, int64_t in, int64_t out)
      : RandomCall(random, rows, in, out, rows * in) {}

  // With an x of any size, which is not rows by inputs.
  RandomCall(Random& random, int64_t rows, int64_t in, int64_t out, int64_t x_size)
      : in_(in), out_(out) {
    const bool wild = random.Chance(0.3);
    call.rows = rows;
    call.x.is_u8 = kQuantized && random.Chance(0.5);
    call.y.is_u8 = kQuantized && random.Chance(0.5);
    if (call.x.is_u8) {
      x_u8_ = RandomArray<uint8_t>(random, x_size, false);
      call.x.data = x_u8_.data();
    } else {
      x_f32_ = RandomArray<float>(random, x_size, wild);
      call.x.data = x_f32_.data();
    }
    if (random.Chance(0.7)) {
      bias_ = RandomArray<float>(random, out, false);
      if (wild) bias_[random.Int(0, out - 1)] = random.Finite();
      call.epilogue.bias = bias_.data();
    }
    if (random.Chance(0.4)) AddResidual(random, rows * out, wild);
    call.epilogue.activation = static_cast<Activation>(random.Int(0, 7));
    y_.assign(static_cast<size_t>(rows * out * call.y.element_bytes()), kUntouched);
    call.y.data = y_.data();
    Quantize(random);
  }

  RandomCall(RandomCall&&) = default;

  // Changes one thing.
  void Spoil(Random& random) {
    switch (random.Int(0, kQuantized ? 7 : 0)) {
      case 0:  // only as many as are refused, since there is no memory for them
        call.rows = std::numeric_limits<int64_t>::max() /
                        (int64_t{sizeof(float)} * std::max<int64_t>(in_, 1) * out_) +
                    random.Int(1, 100);
        break;
      case 1:
        call.quantization.x_scale = random.AnyFloat();
        break;
      case 2:
        call.quantization.y_scale = random.AnyFloat();
        break;
      case 3:
        call.quantization.x_zero_point = random.EdgeInt32();
        break;
      case 4:
        call.quantization.y_zero_point = random.EdgeInt32();
        break;
      case 5:
        call.epilogue.residual.scale = random.AnyFloat();
        break;
      case 6:
        call.epilogue.residual.zero_point = random.EdgeInt32();
        break;
      default:
        w_scale_[random.Int(0, out_ - 1)] = random.AnyFloat();
    }
  }

  const std::vector<uint8_t>& y() const { return y_; }
  bool IsUntouched() const {
    for (uint8_t byte : y_) {
      if (byte != kUntouched) return false;
    }
    return true;
  }

  LayerCall call;

 private:
  static constexpr bool kQuantized = std::is_same_v<T, int8_t>;

  void AddResidual(Random& random, int64_t size, bool wild) {
    call.epilogue.residual.is_u8 = kQuantized && random.Chance(0.5);
    if (call.epilogue.residual.is_u8) {
      residual_u8_ = RandomArray<uint8_t>(random, size, false);
      call.epilogue.residual.data = residual_u8_.data();
    } else {
      residual_ = RandomArray<float>(random, size, wild);
      call.epilogue.residual.data = residual_.data();
    }
  }

  void Quantize(Random& random) {
    if (!kQuantized) return;
    w_scale_ = Exact<float>(out_);
    for (float& scale : w_scale_) scale = 0.002f + 0.001f * random.Uniform();
    call.quantization.w_scale = w_scale_.data();
    call.quantization.x_scale = 0.03f + 0.02f * random.Uniform();
    call.quantization.y_scale = 0.03f + 0.02f * random.Uniform();
    call.quantization.x_zero_point = static_cast<int32_t>(random.Int(0, 255));
    call.quantization.y_zero_point = static_cast<int32_t>(random.Int(0, 255));
    call.epilogue.residual.scale = 0.03f + 0.02f * random.Uniform();
    call.epilogue.residual.zero_point = static_cast<int32_t>(random.Int(0, 255));
  }

  int64_t in_, out_;
  std::vector<uint8_t> x_u8_, residual_u8_, y_;
  std::vector<float> x_f32_, bias_, residual_, w_scale_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_CALL_H_
