#ifndef TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_H_
#define TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_H_

// Random arguments: mostly good ones, and those at the edges more often than chance would have
// them. The same seed gives the same arguments on every machine, so std::..._distribution, which
// each library computes in its own way, is not used.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <random>
#include <vector>

#include "custom_ops/base/bfloat16.h"

namespace tfsparse {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t Bits() { return engine_(); }
  // In [low, high].
  int64_t Int(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Bits() % static_cast<uint64_t>(high - low + 1));
  }
  bool Chance(double probability) {
    return static_cast<double>(Bits() >> 11) * 0x1p-53 < probability;
  }
  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return values.begin()[Int(0, static_cast<int64_t>(values.size()) - 1)];
  }

  // From 1 to `most`, small ones and those around a multiple of 16 more often than others.
  int64_t Size(int64_t max) {
    int64_t size = Int(1, max);
    if (Chance(0.4)) size = Int(1, 20);
    if (Chance(0.3)) size = 16 * Int(1, std::max<int64_t>(max / 16, 1)) + Int(-1, 1);
    return std::min(size, max);
  }

  int64_t EdgeInt64() {
    const int64_t power = int64_t{1} << Int(0, 62);
    return Pick<int64_t>({0, -1, power, -power, power - 1, std::numeric_limits<int64_t>::max(),
                          std::numeric_limits<int64_t>::min(), Int(-100, 100)});
  }
  int32_t EdgeInt32() { return static_cast<int32_t>(Chance(0.5) ? EdgeInt64() : Int(-9, 300)); }

  // In [-1, 1].
  float Uniform() { return static_cast<float>(Int(-(1 << 24), 1 << 24)) * 0x1p-24f; }
  // Finite, of any size.
  float Finite() {
    while (true) {
      const float value = AnyFloat();
      if (std::isfinite(value)) return value;
    }
  }
  // Special values, or any bits.
  float AnyFloat() {
    using Limits = std::numeric_limits<float>;
    if (Chance(0.5)) {
      return Pick<float>({0.0f, -0.0f, Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(),
                          Limits::denorm_min(), Limits::min(), Limits::max(), -Limits::max(), 1.0f,
                          127.5f, 255.5f, 1e30f, -1e-30f});
    }
    const auto bits = static_cast<uint32_t>(Bits());
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }

 private:
  std::mt19937_64 engine_;
};

// An array whose memory ends where it does, so that a sanitizer sees who reads on.
template <typename T>
std::vector<T> Exact(int64_t size) {
  return std::vector<T>(static_cast<size_t>(size));
}

// In [-1, 1], or of any bits where `wild`.
template <typename T>
T RandomValue(Random& random, bool wild);
template <>
inline float RandomValue<float>(Random& random, bool wild) {
  return wild && random.Chance(0.2) ? random.AnyFloat() : random.Uniform();
}
template <>
inline BFloat16 RandomValue<BFloat16>(Random& random, bool wild) {
  return RoundToBFloat16(RandomValue<float>(random, wild));
}
template <>
inline int8_t RandomValue<int8_t>(Random& random, bool wild) {
  return static_cast<int8_t>(random.Bits());
}
template <>
inline uint8_t RandomValue<uint8_t>(Random& random, bool wild) {
  return static_cast<uint8_t>(random.Bits());
}

template <typename T>
std::vector<T> RandomArray(Random& random, int64_t size, bool wild) {
  std::vector<T> array = Exact<T>(size);
  for (T& value : array) value = RandomValue<T>(random, wild);
  return array;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_H_
