#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_LAYER_PROBLEM_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_LAYER_PROBLEM_H_

// What matmul_test.cc multiplies: products of random numbers with y between guards, what they
// should give, and the kernels that give it.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/round_robin.h"
#include "custom_ops/engine/build_activation_table.h"
#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/lanes_scalar.h"
#include "custom_ops/kernels/look_up.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {

inline constexpr float kEpsilon = std::numeric_limits<float>::epsilon();
inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr int64_t kGuard = 128;
inline constexpr uint8_t kSentinel = 0xa5;

inline const Activation kActivations[] = {
    Activation::kLinear,   Activation::kRelu,    Activation::kRelu6, Activation::kGelu,
    Activation::kGeluTanh, Activation::kSigmoid, Activation::kTanh,  Activation::kSilu};

struct Shape {
  int64_t rows, in, out, block_out, block_in;
};

inline std::ostream& operator<<(std::ostream& stream, const Shape& s) {
  return stream << s.rows << "x" << s.in << "x" << s.out << " in blocks of " << s.block_out << "x"
                << s.block_in;
}

inline const Shape kShapes[] = {
    {1, 1, 1, 1, 1},      {1, 64, 16, 16, 4},   {2, 63, 17, 16, 4},  {15, 65, 31, 8, 4},
    {16, 16, 16, 4, 1},   {17, 17, 5, 4, 1},    {31, 130, 70, 4, 4}, {33, 5, 3, 2, 1},
    {47, 48, 64, 1, 1},   {48, 7, 129, 6, 1},   {49, 100, 65, 5, 3}, {63, 64, 66, 64, 64},
    {64, 257, 80, 16, 1}, {65, 40, 64, 3, 2},   {96, 33, 24, 32, 4}, {97, 20, 9, 7, 8},
    {129, 96, 48, 4, 16}, {200, 31, 130, 2, 4}, {3, 1024, 12, 4, 1}, {70, 2, 300, 1, 4},
};

// Calls run(y) with y of some bytes between guards and gives these bytes; fails the test if a guard
// was hit, or the run was refused.
template <class Run>
std::vector<uint8_t> BetweenGuards(int64_t bytes, const Run& run) {
  std::vector<uint8_t> buffer(bytes + 2 * kGuard, kSentinel);
  const Status status = run(buffer.data() + kGuard);
  EXPECT_TRUE(status.ok()) << status.message();
  for (int64_t i = 0; i < kGuard; ++i) {
    EXPECT_EQ(buffer[i], kSentinel) << "before y";
    EXPECT_EQ(buffer[kGuard + bytes + i], kSentinel) << "after y";
  }
  return {buffer.begin() + kGuard, buffer.end() - kGuard};
}

// Adds an output's bytes to others: its uint8, in units of 1 / inv_y_scale, or its float.
inline void AppendOutput(const LayerCall& call, float y, float inv_y_scale,
                         std::vector<uint8_t>* bytes) {
  if (call.y.is_u8)
    return bytes->push_back(QuantizeU8(y, inv_y_scale, call.quantization.y_zero_point));
  const uint8_t* raw = reinterpret_cast<const uint8_t*>(&y);
  bytes->insert(bytes->end(), raw, raw + sizeof(y));
}

// Whether y is looked up in a table, which this makes. Problems are such that what is looked up
// fits int32.
inline bool LooksUp(const LayerCall& call, ActivationTable* table) {
  const Quantization& y = call.quantization;
  return call.may_look_up() &&
         BuildActivationTable(call.epilogue.activation, y.y_scale, y.y_zero_point, table);
}

// One product, its inputs, and y between guards.
template <typename T>
struct Problem {
  using X = std::conditional_t<std::is_same_v<T, int8_t>, uint8_t, float>;

  Problem(const Shape& s, double sparsity, uint32_t seed)
      : shape(s),
        matrix(s.out, s.in, s.block_out, s.block_in, sparsity, seed),
        dense(Unpack(matrix.view())) {
    std::mt19937 random(seed + 1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t i = 0; i < s.rows * s.in; ++i) {
      x.push_back(std::is_same_v<T, int8_t> ? static_cast<X>(random() % 256)
                                            : static_cast<X>(uniform(random)));
      x_float.push_back(3 * uniform(random));
    }
    for (int64_t n = 0; n < s.out; ++n) {
      bias.push_back(uniform(random));
      w_scale.push_back(0.001f * (1.5f + uniform(random)));
    }
    for (int64_t i = 0; i < s.rows * s.out; ++i) residual.push_back(4 * uniform(random));
    call.x.data = x.data();
    call.x.is_u8 = std::is_same_v<T, int8_t>;
    call.rows = s.rows;
    call.epilogue.bias = bias.data();
    call.epilogue.activation = kActivations[seed % 8];
    if (seed % 3 == 0) call.epilogue.residual.data = residual.data();
    call.quantization.w_scale = w_scale.data();
    call.quantization.x_scale = 0.02f;
    call.quantization.x_zero_point = static_cast<int32_t>(seed * 37 % 256);
    call.quantization.y_scale = 0.03f;
    call.quantization.y_zero_point = static_cast<int32_t>(seed * 91 % 256);
  }

  int64_t y_size() const { return shape.rows * shape.out; }

  // Runs with y between guards and gives y's bytes; fails the test if a guard was hit.
  std::vector<uint8_t> Run(const SparseLayer<T>& matmul, const Threads& threads) {
    return BetweenGuards(y_size() * call.y.element_bytes(), [&](void* y) {
      call.y.data = y;
      return matmul.Run(call, threads);
    });
  }

  Shape shape;
  RandomMatrix<T> matrix;
  std::vector<T> dense;
  std::vector<X> x;
  std::vector<float> x_float, bias, w_scale, residual;
  LayerCall call;
};

inline std::vector<float> AsFloats(const std::vector<uint8_t>& bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

// What a product takes x for, and its weights, as floats.
inline std::vector<float> Operands(const Problem<float>& p) { return p.x; }
inline std::vector<float> Operands(const Problem<BFloat16>& p) {
  std::vector<float> rounded;
  for (float x : p.x) rounded.push_back(RoundToBFloat16(x).ToFloat());
  return rounded;
}
inline std::vector<float> Weights(const Problem<float>& p) { return p.dense; }
inline std::vector<float> Weights(const Problem<BFloat16>& p) {
  std::vector<float> wide;
  for (BFloat16 w : p.dense) wide.push_back(w.ToFloat());
  return wide;
}

// An output summed in double, and how far a sum of floats may be from it in any order.
struct Close {
  double value, bound;
};

// Rounding once per product and per addition, in any order.
template <typename T>
std::vector<Close> ExpectedFloats(const Problem<T>& p) {
  const std::vector<float> operands = Operands(p), weights = Weights(p);
  std::vector<Close> expected;
  for (int64_t m = 0; m < p.shape.rows; ++m) {
    for (int64_t n = 0; n < p.shape.out; ++n) {
      const float* x = operands.data() + m * p.shape.in;
      const float* w = weights.data() + n * p.shape.in;
      double start = p.call.epilogue.bias != nullptr ? p.bias[n] : 0.0f;
      double magnitude = std::abs(start);
      if (p.call.epilogue.residual.data != nullptr) {
        start += p.residual[m * p.shape.out + n];
        magnitude += std::abs(p.residual[m * p.shape.out + n]);
      }
      for (int64_t k = 0; k < p.shape.in; ++k) magnitude += std::abs(double{x[k]} * w[k]);
      // No activation is steeper than 1.13; its own error is 3e-7 of its argument at most.
      expected.push_back(
          {ReferenceDot(x, w, p.shape.in, start, p.call.epilogue.activation),
           1.2 * (p.shape.in + 3) * kEpsilon * magnitude + 3e-7 * std::max(1.0, magnitude)});
    }
  }
  return expected;
}

inline void ExpectClose(const std::vector<Close>& expected, const std::vector<float>& y) {
  ASSERT_EQ(y.size(), expected.size());
  for (size_t i = 0; i < y.size(); ++i) {
    ASSERT_NEAR(y[i], expected[i].value, expected[i].bound) << "place " << i;
  }
}

// The definition, bit for bit.
inline std::vector<uint8_t> Expected(const Problem<int8_t>& p) {
  const LayerCall& call = p.call;
  const int64_t in = p.shape.in, out = p.shape.out;
  ActivationTable table;
  const bool looks_up = LooksUp(call, &table);
  const float unit = looks_up               ? table.unit
                     : call.folds_y_scale() ? 1 / call.quantization.y_scale
                                            : 1.0f;
  const float shift = looks_up ? table.offset : 0;
  const float inv_y_scale = call.folds_y_scale() ? 1.0f : 1 / call.quantization.y_scale;
  std::vector<uint8_t> bytes;
  for (int64_t m = 0; m < p.shape.rows; ++m) {
    std::vector<uint8_t> x(p.x.begin() + m * in, p.x.begin() + (m + 1) * in);
    if (!call.x.is_u8) {
      for (int64_t k = 0; k < in; ++k) {
        x[k] = QuantizeU8(p.x_float[m * in + k], 1 / call.quantization.x_scale,
                          call.quantization.x_zero_point);
      }
    }
    for (int64_t n = 0; n < out; ++n) {
      const float bias = call.epilogue.bias != nullptr ? call.epilogue.bias[n] : 0.0f;
      const float scale = call.quantization.x_scale * call.quantization.w_scale[n] * unit;
      float y = ReferenceDot(x.data(), call.quantization.x_zero_point, p.dense.data() + n * in, in,
                             scale, bias * unit + shift);
      if (looks_up) {
        bytes.push_back(LookUpU8(table, y));
        continue;
      }
      if (call.epilogue.residual.data != nullptr) y += p.residual[m * out + n];
      WithActivation(call.epilogue.activation,
                     [&](auto activation) { y = Activate<LanesScalar, activation.value>(y); });
      AppendOutput(call, y, inv_y_scale, &bytes);
    }
  }
  return bytes;
}

template <typename T>
std::unique_ptr<const SparseLayer<T>> Create(const RandomMatrix<T>& matrix,
                                             const Kernel<T>& kernel) {
  std::unique_ptr<const SparseLayer<T>> matmul;
  const Status status = SparseLayer<T>::Create(matrix.view(), kernel, nullptr, &matmul);
  EXPECT_TRUE(status.ok()) << status.message();
  return matmul;
}

// With a kernel for small M, beside the one for many that its ISA selects.
template <typename T>
std::unique_ptr<const SparseLayer<T>> Create(const RandomMatrix<T>& matrix,
                                             const GemvKernel<T>& few) {
  const BlockSparseMatrix<T> view = matrix.view();
  const Kernel<T>& many = SelectKernel<T>(few.isa, view.block_out, view.block_in);
  std::unique_ptr<const SparseLayer<T>> matmul;
  const Status status = SparseLayer<T>::Create(view, many, &few, &matmul);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(matmul->kernel_name(few.max_rows), few.name);
  EXPECT_NE(matmul->kernel_name(few.max_rows + 1), few.name);
  return matmul;
}

inline bool Supported(Isa isa) {
  const std::vector<Isa> isas = SupportedIsas(GetCpuFeatures());
  return std::find(isas.begin(), isas.end(), isa) != isas.end();
}

#define SKIP_IF_UNSUPPORTED(kernel)                                   \
  if (!Supported((kernel).isa)) {                                     \
    GTEST_SKIP() << "this processor lacks " << IsaName((kernel).isa); \
  }

template <typename K>
std::string TestName(const testing::TestParamInfo<K>& info) {
  return info.param.name;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_LAYER_PROBLEM_H_
