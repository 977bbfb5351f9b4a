// Depthwise convolutions of every kind on every instruction set: beside their definition, and bit
// for bit beside each other.

#include "custom_ops/conv/depthwise.h"

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/round_robin.h"
#include "custom_ops/conv/depthwise_problem.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

struct Shape {
  int64_t batch;
  ConvAxis height, width;  // {size, kernel, stride, dilation, before, after}
  int64_t channels;
};

const Shape kShapes[] = {
    {1, {9, 3, 1, 1, 1, 1}, {8, 3, 1, 1, 1, 1}, 64},
    {2, {7, 3, 2, 1, 0, 1}, {9, 3, 2, 1, 0, 1}, 33},
    {1, {7, 3, 1, 1, 1, 1}, {7, 3, 1, 1, 1, 1}, 144},
    {2, {6, 5, 1, 1, 2, 2}, {15, 5, 1, 1, 2, 2}, 17},
    {1, {9, 5, 2, 1, 1, 2}, {6, 5, 2, 1, 2, 1}, 100},
    {1, {8, 7, 1, 1, 3, 3}, {5, 7, 1, 1, 3, 3}, 40},
    {1, {9, 3, 1, 2, 2, 2}, {11, 3, 1, 3, 3, 3}, 24},
    {1, {4, 2, 3, 1, 0, 1}, {120, 4, 1, 1, 1, 2}, 70},
    {1, {1, 1, 1, 1, 0, 0}, {40, 9, 1, 1, 4, 4}, 16},
    {1, {12, 9, 2, 1, 4, 4}, {1, 1, 1, 1, 0, 0}, 1},
    {3, {2, 5, 1, 1, 4, 4}, {3, 4, 2, 1, 3, 3}, 5},
    {1, {5, 1, 2, 1, 0, 0}, {5, 1, 3, 1, 0, 0}, 65},
    {1, {0, 2, 1, 1, 2, 2}, {3, 2, 1, 1, 0, 0}, 9},        // padding alone
    {1, {40, 33, 1, 1, 0, 0}, {40, 33, 1, 1, 0, 0}, 3},    // more taps than kernels take
    {1, {3, 2, 1, 1, 0, 0}, {9000, 2, 1, 8000, 0, 0}, 3},  // a larger tile than that
    {0, {5, 2, 1, 1, 0, 0}, {6, 3, 1, 1, 0, 0}, 4},
    {1, {4, 5, 1, 1, 0, 0}, {6, 3, 1, 1, 0, 0}, 4},
    {2, {5, 2, 1, 1, 0, 0}, {6, 3, 1, 1, 0, 0}, 0},
};

// Random arguments and what they point to.
struct Problem {
  Problem(const Shape& shape, unsigned seed) : random(seed) {
    call.batch = shape.batch, call.channels = shape.channels;
    call.height = shape.height, call.width = shape.width;
    const int64_t places = shape.batch * shape.height.size * shape.width.size;
    for (int64_t i = 0; i < places * shape.channels; ++i) {
      bytes.push_back(static_cast<uint8_t>(random()));
      floats.push_back(static_cast<float>(random() % 1000) / 100 - 5);
    }
    const int64_t taps = shape.height.kernel * shape.width.kernel;
    for (int64_t i = 0; i < taps * shape.channels; ++i) {
      weights.push_back(static_cast<int8_t>(random()));
    }
    for (int64_t i = 0; i < shape.channels; ++i) {
      scales.push_back(0.001f * static_cast<float>(1 + random() % 9));
      bias.push_back(static_cast<float>(random() % 100) / 50 - 1);
    }
    y_size = shape.batch * shape.height.out() * shape.width.out() * shape.channels;
    call.weights = weights.data();
    call.call.epilogue.bias = random() % 4 == 0 ? nullptr : bias.data();
    call.call.quantization.w_scale = scales.data();
    call.call.quantization.x_scale = 0.04f;
    call.call.quantization.x_zero_point = static_cast<int32_t>(random() % 256);
    call.call.quantization.y_scale = 0.05f;
    call.call.quantization.y_zero_point = random() % 2 == 0 ? 0 : 100;
  }

  // With guards around y.
  std::vector<uint8_t> Run(Isa isa, const Threads& threads) {
    constexpr int64_t kGuard = 64;
    const int64_t bytes_of_y = y_size * call.call.y.element_bytes();
    std::vector<uint8_t> y(bytes_of_y + 2 * kGuard, 77);
    call.call.y.data = y.data() + kGuard;
    const Status status = Depthwise(call, isa, threads);
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_TRUE(IsDepthwise(call));
    for (int64_t i = 0; i < kGuard; ++i) EXPECT_TRUE(y[i] == 77 && y[y.size() - 1 - i] == 77);
    return y;
  }

  std::mt19937 random;
  DepthwiseCall call;
  std::vector<uint8_t> bytes;
  std::vector<float> floats, scales, bias;
  std::vector<int8_t> weights;
  int64_t y_size;
};

void RunOnAll(Problem& problem) {
  std::vector<uint8_t> expected;
  for (const Isa isa : SupportedIsas(GetCpuFeatures())) {
    SCOPED_TRACE(IsaName(isa));
    const std::vector<uint8_t> y = problem.Run(isa, Threads());
    if (expected.empty()) expected = y;
    EXPECT_EQ(y, expected);
    EXPECT_EQ(problem.Run(isa, RoundRobin(3)), expected);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Depthwise, MatchesTheDefinition) {
  unsigned seed = 1;
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(seed);
    Problem problem(shape, seed);
    LayerCall& call = problem.call.call;
    for (const bool x_is_u8 : {true, false}) {
      call.x.is_u8 = x_is_u8;
      call.x.data = x_is_u8 ? static_cast<const void*>(problem.bytes.data())
                            : static_cast<const void*>(problem.floats.data());
      call.y.is_u8 = x_is_u8 || seed % 2 == 0;
      call.epilogue.activation = x_is_u8 ? Activation::kRelu6 : Activation::kLinear;
      RunOnAll(problem);
    }
    ++seed;
  }
}

TEST(Depthwise, HasAllActivations) {
  for (int activation = 0; activation <= static_cast<int>(Activation::kSilu); ++activation) {
    for (const bool y_is_u8 : {true, false}) {
      SCOPED_TRACE(activation);
      Problem problem({1, {5, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}, 90}, activation + 1);
      LayerCall& call = problem.call.call;
      call.x.data = problem.bytes.data();
      call.x.is_u8 = true, call.y.is_u8 = y_is_u8;
      call.epilogue.activation = static_cast<Activation>(activation);
      RunOnAll(problem);
    }
  }
}

// With few channels and many, and on the way tap by tap: what y is looked up in is theirs.
TEST(Depthwise, LooksUpActivationsOfBytes) {
  const Shape shapes[] = {
      {1, {7, 3, 1, 1, 1, 1}, {7, 3, 1, 1, 1, 1}, 144},
      {2, {9, 5, 2, 1, 1, 2}, {6, 5, 2, 1, 2, 1}, 17},
      {1, {36, 33, 1, 1, 0, 0}, {36, 33, 1, 1, 0, 0}, 3},  // more taps than kernels take
  };
  for (const Shape& shape : shapes) {
    for (const Activation activation :
         {Activation::kGelu, Activation::kSilu, Activation::kSigmoid, Activation::kTanh}) {
      SCOPED_TRACE(static_cast<int>(activation));
      Problem problem(shape, 11);
      LayerCall& call = problem.call.call;
      call.x.data = problem.bytes.data();
      call.x.is_u8 = call.y.is_u8 = true;
      call.epilogue.activation = activation;
      call.quantization.y_scale = 1 / 128.0f;
      call.quantization.y_zero_point = 64;
      EXPECT_NE(TableOf(problem.call), nullptr);
      RunOnAll(problem);
    }
  }
}

// Beyond int32 in units of the table, or with none: floats are activated.
TEST(Depthwise, ActivatesWhatCannotBeLookedUp) {
  for (const bool has_table : {true, false}) {
    Problem problem({1, {5, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}, 66}, 7);
    LayerCall& call = problem.call.call;
    if (has_table) {
      for (size_t c = 0; c < problem.scales.size(); c += 2) problem.scales[c] = 1e20f;
    } else {
      call.quantization.y_scale = 0.0002f;
    }
    call.x.data = problem.bytes.data();
    call.x.is_u8 = call.y.is_u8 = true;
    call.epilogue.activation = Activation::kSigmoid;
    EXPECT_EQ(TableOf(problem.call), nullptr);
    RunOnAll(problem);
  }
}

TEST(Depthwise, BoundsWhatDoesNotFitInt32) {
  Problem problem({1, {5, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}, 66}, 7);
  for (size_t c = 0; c < problem.scales.size(); c += 2) problem.scales[c] = 1e30f;
  problem.call.call.x.data = problem.bytes.data();
  problem.call.call.x.is_u8 = problem.call.call.y.is_u8 = true;
  RunOnAll(problem);
}

TEST(Depthwise, RefusesWhatItCannotHold) {
  const ConvAxis good = {5, 3, 1, 1, 1, 1};
  EXPECT_TRUE(ValidateDepthwise(good, good).ok());
  const ConvAxis large = {1 << 9, 1 << 9, 1, 1, 0, 0};
  EXPECT_NE(ValidateDepthwise(large, large).message().find("taps"), std::string::npos);
  const ConvAxis bad = {5, 0, 1, 1, 1, 1};
  EXPECT_FALSE(ValidateDepthwise(bad, good).ok());
  EXPECT_FALSE(ValidateDepthwise(good, bad).ok());
  Problem problem({1, good, good, 3}, 1);
  problem.call.call.x.is_u8 = problem.call.call.y.is_u8 = true;
  problem.scales[2] = std::numeric_limits<float>::infinity();
  EXPECT_NE(Depthwise(problem.call, Isa::kPortable, Threads()).message().find("w_scale"),
            std::string::npos);
}

}  // namespace
}  // namespace tfsparse
