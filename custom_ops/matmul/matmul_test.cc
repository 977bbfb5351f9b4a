// Every kernel of kernels.inc that this processor can run, against the reference: sizes
// around a lane, a tile and a block, partitions over threads, full ranges, and guards
// around y.

#include "custom_ops/matmul/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/lanes_scalar.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr float kEpsilon = std::numeric_limits<float>::epsilon();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kGuard = 128;
constexpr uint8_t kSentinel = 0xa5;

const Activation kActivations[] = {Activation::kLinear, Activation::kRelu,     Activation::kRelu6,
                                   Activation::kGelu,   Activation::kGeluTanh, Activation::kSigmoid,
                                   Activation::kTanh,   Activation::kSilu};

struct Shape {
  int64_t rows, in, out, block_out, block_in;
};

std::ostream& operator<<(std::ostream& stream, const Shape& s) {
  return stream << s.rows << "x" << s.in << "x" << s.out << " in blocks of " << s.block_out << "x"
                << s.block_in;
}

const Shape kShapes[] = {
    {1, 1, 1, 1, 1},      {1, 64, 16, 16, 4},   {2, 63, 17, 16, 4},  {15, 65, 31, 8, 4},
    {16, 16, 16, 4, 1},   {17, 17, 5, 4, 1},    {31, 130, 70, 4, 4}, {33, 5, 3, 2, 1},
    {47, 48, 64, 1, 1},   {48, 7, 129, 6, 1},   {49, 100, 65, 5, 3}, {63, 64, 66, 64, 64},
    {64, 257, 80, 16, 1}, {65, 40, 64, 3, 2},   {96, 33, 24, 32, 4}, {97, 20, 9, 7, 8},
    {129, 96, 48, 4, 16}, {200, 31, 130, 2, 4}, {3, 1024, 12, 4, 1}, {70, 2, 300, 1, 4},
};

// Shares the items out one by one, so that any two neighbours meet on different threads.
Threads RoundRobin(int count) {
  Threads threads;
  threads.count = count;
  threads.parallel_for = [count](int64_t items, int64_t, const Threads::Body& body) {
    std::vector<std::thread> workers;
    for (int t = 0; t < count; ++t) {
      workers.emplace_back([&, t] {
        for (int64_t i = t; i < items; i += count) body(i, i + 1);
      });
    }
    for (std::thread& worker : workers) worker.join();
  };
  return threads;
}

// One product, its inputs, and y between guards.
template <typename T>
struct Problem {
  using X = std::conditional_t<std::is_same_v<T, float>, float, uint8_t>;

  Problem(const Shape& s, double sparsity, uint32_t seed)
      : shape(s),
        matrix(s.out, s.in, s.block_out, s.block_in, sparsity, seed),
        dense(Unpack(matrix.view())) {
    std::mt19937 random(seed + 1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t i = 0; i < s.rows * s.in; ++i) {
      x.push_back(std::is_same_v<T, float> ? static_cast<X>(uniform(random))
                                           : static_cast<X>(random() % 256));
      x_float.push_back(3 * uniform(random));
    }
    for (int64_t n = 0; n < s.out; ++n) {
      bias.push_back(uniform(random));
      w_scale.push_back(0.001f * (1.5f + uniform(random)));
    }
    for (int64_t i = 0; i < s.rows * s.out; ++i) residual.push_back(4 * uniform(random));
    call.x = x.data();
    call.x_is_u8 = !std::is_same_v<T, float>;
    call.rows = s.rows;
    call.bias = bias.data();
    call.activation = kActivations[seed % 8];
    if (seed % 3 == 0) call.residual = residual.data();
    call.w_scale = w_scale.data();
    call.x_scale = 0.02f;
    call.x_zero_point = static_cast<int32_t>(seed * 37 % 256);
    call.y_scale = 0.03f;
    call.y_zero_point = static_cast<int32_t>(seed * 91 % 256);
  }

  int64_t y_size() const { return shape.rows * shape.out; }

  // Runs with y between guards and gives y's bytes; fails the test if a guard was hit.
  std::vector<uint8_t> Run(const Matmul<T>& matmul, const Threads& threads) {
    const int64_t bytes = y_size() * call.y_bytes();
    std::vector<uint8_t> buffer(bytes + 2 * kGuard, kSentinel);
    call.y = buffer.data() + kGuard;
    const Status status = matmul.Run(call, threads);
    EXPECT_TRUE(status.ok()) << status.message();
    for (int64_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(buffer[i], kSentinel) << "before y";
      EXPECT_EQ(buffer[kGuard + bytes + i], kSentinel) << "after y";
    }
    return {buffer.begin() + kGuard, buffer.end() - kGuard};
  }

  Shape shape;
  RandomMatrix<T> matrix;
  std::vector<T> dense;
  std::vector<X> x;
  std::vector<float> x_float, bias, w_scale, residual;
  MatmulCall call;
};

std::vector<float> AsFloats(const std::vector<uint8_t>& bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

// Rounding once per product and per addition, in any order.
void ExpectClose(const Problem<float>& p, const std::vector<float>& y) {
  for (int64_t m = 0; m < p.shape.rows; ++m) {
    for (int64_t n = 0; n < p.shape.out; ++n) {
      const float* x = p.x.data() + m * p.shape.in;
      const float* w = p.dense.data() + n * p.shape.in;
      double start = p.call.bias != nullptr ? p.bias[n] : 0.0f;
      double magnitude = std::abs(start);
      if (p.call.residual != nullptr) {
        start += p.residual[m * p.shape.out + n];
        magnitude += std::abs(p.residual[m * p.shape.out + n]);
      }
      for (int64_t k = 0; k < p.shape.in; ++k) magnitude += std::abs(double{x[k]} * w[k]);
      // No activation is steeper than 1.13; its own error is 3e-7 of its argument at most.
      const double bound =
          1.2 * (p.shape.in + 3) * kEpsilon * magnitude + 3e-7 * std::max(1.0, magnitude);
      const double expected = ReferenceDot(x, w, p.shape.in, start, p.call.activation);
      ASSERT_NEAR(y[m * p.shape.out + n], expected, bound) << "row " << m << ", output " << n;
    }
  }
}

// The definition, bit for bit.
std::vector<uint8_t> Expected(const Problem<int8_t>& p) {
  const MatmulCall& call = p.call;
  const int64_t in = p.shape.in, out = p.shape.out;
  const float unit = call.folds_y_scale() ? 1 / call.y_scale : 1.0f;
  const float inv_y_scale = call.folds_y_scale() ? 1.0f : 1 / call.y_scale;
  std::vector<uint8_t> bytes;
  for (int64_t m = 0; m < p.shape.rows; ++m) {
    std::vector<uint8_t> x(p.x.begin() + m * in, p.x.begin() + (m + 1) * in);
    if (!call.x_is_u8) {
      for (int64_t k = 0; k < in; ++k) {
        x[k] = QuantizeU8(p.x_float[m * in + k], 1 / call.x_scale, call.x_zero_point);
      }
    }
    for (int64_t n = 0; n < out; ++n) {
      const float bias = call.bias != nullptr ? call.bias[n] : 0.0f;
      const float scale = call.x_scale * call.w_scale[n] * unit;
      float y = ReferenceDot(x.data(), call.x_zero_point, p.dense.data() + n * in, in, scale,
                             bias * unit);
      if (call.residual != nullptr) y += p.residual[m * out + n];
      WithActivation(call.activation,
                     [&](auto activation) { y = Activate<LanesScalar, activation.value>(y); });
      if (call.y_is_u8) {
        bytes.push_back(QuantizeU8(y, inv_y_scale, call.y_zero_point));
      } else {
        const uint8_t* raw = reinterpret_cast<const uint8_t*>(&y);
        bytes.insert(bytes.end(), raw, raw + sizeof(y));
      }
    }
  }
  return bytes;
}

template <typename T>
std::unique_ptr<const Matmul<T>> Create(const RandomMatrix<T>& matrix, const Kernel<T>& kernel) {
  std::unique_ptr<const Matmul<T>> matmul;
  const Status status = Matmul<T>::Create(matrix.view(), kernel, &matmul);
  EXPECT_TRUE(status.ok()) << status.message();
  return matmul;
}

template <typename T>
bool Supported(const Kernel<T>& kernel) {
  const std::vector<Path> paths = SupportedPaths(GetCpuFeatures());
  return std::find(paths.begin(), paths.end(), kernel.path) != paths.end();
}

#define SKIP_IF_UNSUPPORTED(kernel)                                     \
  if (!Supported(kernel)) {                                             \
    GTEST_SKIP() << "this processor lacks " << PathName((kernel).path); \
  }

template <typename T>
std::string TestName(const testing::TestParamInfo<Kernel<T>>& info) {
  return info.param.name;
}

class FloatKernel : public testing::TestWithParam<Kernel<float>> {};
class Int8Kernel : public testing::TestWithParam<Kernel<int8_t>> {};

TEST_P(FloatKernel, MatchesTheReference) {
  SKIP_IF_UNSUPPORTED(GetParam());
  uint32_t seed = 0;
  for (const Shape& shape : kShapes) {
    for (double sparsity : {0.0, 0.8, 1.0}) {
      SCOPED_TRACE(testing::Message() << shape << ", sparsity " << sparsity << ", seed " << seed);
      Problem<float> p(shape, sparsity, seed++);
      if (seed % 3 == 0) p.call.bias = nullptr;
      const auto matmul = Create(p.matrix, GetParam());
      const std::vector<uint8_t> y = p.Run(*matmul, Threads());
      ExpectClose(p, AsFloats(y));
      EXPECT_EQ(p.Run(*matmul, RoundRobin(3)), y) << "three threads";
      EXPECT_EQ(p.Run(*matmul, RoundRobin(16)), y) << "sixteen threads";
    }
  }
}

// A dense product makes NaN of every output where a NaN or infinity meets a zero.
TEST_P(FloatKernel, SpreadsNonFiniteInputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  for (const Shape& shape : kShapes) {
    for (float value : {kInf, -kInf, kNan}) {
      for (Activation activation : kActivations) {
        SCOPED_TRACE(testing::Message() << shape << ", " << value);
        Problem<float> p(shape, 0.7, 5);
        p.call.activation = activation;
        std::mt19937 random(11);
        for (int i = 0; i < 3; ++i) p.x[random() % p.x.size()] = value;
        const auto matmul = Create(p.matrix, GetParam());
        for (const Threads& threads : {Threads(), RoundRobin(5)}) {
          const std::vector<float> y = AsFloats(p.Run(*matmul, threads));
          for (int64_t i = 0; i < p.y_size(); ++i) {
            const int64_t m = i / shape.out, n = i % shape.out;
            const double expected = ReferenceDot(&p.x[m * shape.in], &p.dense[n * shape.in],
                                                 shape.in, p.bias[n], activation);
            if (std::isfinite(expected)) {
              ASSERT_TRUE(std::isfinite(y[i])) << m << ", " << n;
            } else if (std::isnan(expected)) {
              ASSERT_TRUE(std::isnan(y[i])) << m << ", " << n;
            } else {
              ASSERT_EQ(y[i], expected) << m << ", " << n;
            }
          }
        }
      }
    }
  }
}

TEST_P(Int8Kernel, MatchesTheReferenceBitForBit) {
  SKIP_IF_UNSUPPORTED(GetParam());
  uint32_t seed = 0;
  for (const Shape& shape : kShapes) {
    if (!Accepts(GetParam(), shape.block_in)) continue;
    for (double sparsity : {0.0, 0.8, 1.0}) {
      Problem<int8_t> p(shape, sparsity, seed++);
      if (seed % 5 == 0) p.call.bias = nullptr;
      const auto matmul = Create(p.matrix, GetParam());
      for (bool x_is_u8 : {true, false}) {
        for (bool y_is_u8 : {true, false}) {
          SCOPED_TRACE(testing::Message() << shape << ", sparsity " << sparsity << ", seed " << seed
                                          << (x_is_u8 ? ", uint8" : ", float") << " to "
                                          << (y_is_u8 ? "uint8" : "float"));
          p.call.x_is_u8 = x_is_u8;
          p.call.x = x_is_u8 ? static_cast<const void*>(p.x.data()) : p.x_float.data();
          p.call.y_is_u8 = y_is_u8;
          const std::vector<uint8_t> expected = Expected(p);
          ASSERT_EQ(p.Run(*matmul, Threads()), expected);
          ASSERT_EQ(p.Run(*matmul, RoundRobin(3)), expected) << "three threads";
          ASSERT_EQ(p.Run(*matmul, RoundRobin(16)), expected) << "sixteen threads";
        }
      }
    }
  }
}

// The largest products there are, added up: nothing may saturate on the way.
TEST_P(Int8Kernel, HoldsTheExtremes) {
  SKIP_IF_UNSUPPORTED(GetParam());
  const Shape shape = {17, 4096, 8, 8, 4};
  for (int8_t weight : {-128, 127}) {
    for (int32_t zero_point : {0, 255}) {
      SCOPED_TRACE(testing::Message() << int{weight} << ", zero point " << zero_point);
      Problem<int8_t> p(shape, 0.0, 3);
      std::fill(p.matrix.data.begin(), p.matrix.data.end(), weight);
      std::fill(p.dense.begin(), p.dense.end(), weight);
      std::fill(p.x.begin(), p.x.end(), zero_point == 0 ? 255 : 0);
      p.call.x_zero_point = zero_point;
      p.call.activation = Activation::kLinear;
      EXPECT_EQ(p.Run(*Create(p.matrix, GetParam()), Threads()), Expected(p));
    }
  }
}

// Results of more than 32 bits before they are clamped: converting them would wrap.
TEST_P(Int8Kernel, ClampsWhatNoIntegerHolds) {
  SKIP_IF_UNSUPPORTED(GetParam());
  Problem<int8_t> p({33, 64, 80, 8, 4}, 0.2, 8);
  p.call.y_is_u8 = true;
  p.call.y_scale = 1e-9f;
  for (Activation activation : kActivations) {
    p.call.activation = activation;
    EXPECT_EQ(p.Run(*Create(p.matrix, GetParam()), Threads()), Expected(p));
  }
}

TEST_P(Int8Kernel, QuantizesNonFiniteInputsAsDefined) {
  SKIP_IF_UNSUPPORTED(GetParam());
  const Shape shape = {20, 70, 16, 8, 4};
  Problem<int8_t> p(shape, 0.5, 8);
  p.call.x_is_u8 = false;
  p.call.x = p.x_float.data();
  p.x_float[3] = kNan;
  p.x_float[75] = kInf;
  p.x_float[150] = -kInf;
  p.x_float[151] = 1e30f;
  p.x_float[152] = -1e30f;
  EXPECT_EQ(p.Run(*Create(p.matrix, GetParam()), Threads()), Expected(p));
}

INSTANTIATE_TEST_SUITE_P(All, FloatKernel, testing::ValuesIn(Kernels<float>()), TestName<float>);
INSTANTIATE_TEST_SUITE_P(All, Int8Kernel, testing::ValuesIn(Kernels<int8_t>()), TestName<int8_t>);

TEST(Matmul, TakesNoRowsAndNoInputs) {
  Problem<float> none({0, 8, 8, 4, 1}, 0.5, 1);
  std::unique_ptr<const Matmul<float>> matmul;
  ASSERT_TRUE(Matmul<float>::Create(none.matrix.view(), Path::kPortable, &matmul).ok());
  EXPECT_TRUE(none.Run(*matmul, RoundRobin(2)).empty());

  Problem<float> no_inputs({5, 0, 8, 4, 1}, 0.5, 1);
  no_inputs.call.activation = Activation::kLinear;
  Path path;
  ASSERT_TRUE(ChoosePath(&path).ok());
  ASSERT_TRUE(Matmul<float>::Create(no_inputs.matrix.view(), path, &matmul).ok());
  const std::vector<float> y = AsFloats(no_inputs.Run(*matmul, Threads()));
  for (int64_t i = 0; i < 40; ++i) EXPECT_EQ(y[i], no_inputs.bias[i % 8]);
}

TEST(Matmul, RefusesABrokenMatrix) {
  RandomMatrix<float> matrix(8, 8, 4, 1, 0, 1);
  matrix.indices[3] = 100;
  std::unique_ptr<const Matmul<float>> matmul;
  const Status status = Matmul<float>::Create(matrix.view(), Path::kPortable, &matmul);
  EXPECT_NE(status.message().find("indices[3]=100"), std::string::npos) << status.message();
  EXPECT_EQ(matmul, nullptr);
}

TEST(Matmul, RefusesSumsThatCouldOverflow) {
  RandomMatrix<int8_t> matrix(1, 70000, 1, 1, 0, 1);
  std::fill(matrix.data.begin(), matrix.data.end(), int8_t{-128});
  std::unique_ptr<const Matmul<int8_t>> matmul;
  Status status = Matmul<int8_t>::Create(matrix.view(), Path::kPortable, &matmul);
  EXPECT_NE(status.message().find("a sum of 8960000 for output 0"), std::string::npos)
      << status.message();
  std::fill(matrix.data.begin(), matrix.data.end(), int8_t{1});
  EXPECT_TRUE(Matmul<int8_t>::Create(matrix.view(), Path::kPortable, &matmul).ok());
}

TEST(Matmul, LeavesYAloneWhenACallIsRefused) {
  Problem<int8_t> p({4, 8, 8, 4, 1}, 0.5, 1);
  std::unique_ptr<const Matmul<int8_t>> matmul;
  ASSERT_TRUE(Matmul<int8_t>::Create(p.matrix.view(), Path::kPortable, &matmul).ok());
  std::vector<float> y(p.y_size(), 7.0f);
  p.call.y = y.data();
  p.call.x_scale = kNan;
  EXPECT_FALSE(matmul->Run(p.call, Threads()).ok());
  EXPECT_EQ(y, std::vector<float>(p.y_size(), 7.0f));
}

}  // namespace
}  // namespace tfsparse
