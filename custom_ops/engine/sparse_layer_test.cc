// Every kernel of kernels.inc and gemv.inc that this processor can run, against the
// reference: sizes around a lane, a tile and a block, partitions over threads, full ranges,
// and guards around y.

#include "custom_ops/engine/sparse_layer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <typeinfo>
#include <vector>

#include "custom_ops/engine/layer_problem.h"
#include "custom_ops/engine/shared_problem.h"
#include "custom_ops/engine/tiles.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

class FloatKernel : public testing::TestWithParam<Kernel<float>> {};
class Bf16Kernel : public testing::TestWithParam<Kernel<BFloat16>> {};
class Int8Kernel : public testing::TestWithParam<Kernel<int8_t>> {};
class FloatGemv : public testing::TestWithParam<GemvKernel<float>> {};
class Bf16Gemv : public testing::TestWithParam<GemvKernel<BFloat16>> {};
class Int8Gemv : public testing::TestWithParam<GemvKernel<int8_t>> {};

template <typename T>
std::vector<Shape> ShapesFor(const Kernel<T>&) {
  return {std::begin(kShapes), std::end(kShapes)};
}

// The same, with the rows that a kernel for few takes; and enough work to be cut.
template <typename T>
std::vector<Shape> ShapesFor(const GemvKernel<T>& kernel) {
  std::vector<Shape> shapes = {{0, 300, 1000, 16, 4}, {0, 700, 500, 4, 1}, {0, 260, 300, 2, 3}};
  shapes.insert(shapes.end(), std::begin(kShapes), std::end(kShapes));
  for (size_t i = 0; i < shapes.size(); ++i) {
    shapes[i].rows = kernel.max_rows - static_cast<int64_t>(i % kernel.max_rows);
  }
  return shapes;
}

template <typename T, template <typename> class K>
void CheckFloat(const K<T>& kernel) {
  uint32_t seed = 0;
  for (const Shape& shape : ShapesFor(kernel)) {
    for (double sparsity : {0.0, 0.8, 1.0}) {
      ++seed;
      if (!Accepts<T>(kernel.format, shape.block_in)) continue;
      SCOPED_TRACE(Key("with", shape, sparsity, seed));
      Problem<T>& p = ProblemOf<T>(shape, sparsity, seed);
      if (seed % 3 == 1) p.call.epilogue.bias = nullptr;
      const auto matmul = Create(p.matrix, kernel);
      const std::vector<uint8_t> y = p.Run(*matmul, Threads());
      ExpectClose(Once<std::vector<Close>>(Key(typeid(T).name(), shape, sparsity, seed),
                                           [&] { return ExpectedFloats(p); }),
                  AsFloats(y));
      EXPECT_EQ(p.Run(*matmul, RoundRobin(3)), y) << "three threads";
      EXPECT_EQ(p.Run(*matmul, RoundRobin(16)), y) << "sixteen threads";
    }
  }
}

TEST_P(FloatKernel, MatchesTheReference) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckFloat(GetParam());
}

TEST_P(FloatGemv, MatchesTheReference) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckFloat(GetParam());
}

// The operands are rounded, all else is as exact as for float, whatever the processor has.
TEST_P(Bf16Kernel, MatchesTheReferenceOfTheRoundedOperands) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckFloat(GetParam());
}

TEST_P(Bf16Gemv, MatchesTheReferenceOfTheRoundedOperands) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckFloat(GetParam());
}

// Finite, NaN or the same infinity.
void ExpectSameKinds(const std::vector<Close>& expected, const std::vector<float>& y) {
  for (size_t i = 0; i < y.size(); ++i) {
    const double value = expected[i].value;
    if (std::isfinite(value)) {
      ASSERT_TRUE(std::isfinite(y[i])) << "place " << i;
    } else if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(y[i])) << "place " << i;
    } else {
      ASSERT_EQ(y[i], value) << "place " << i;
    }
  }
}

// A dense product makes NaN of every output where a NaN or infinity meets a zero.
template <typename T, template <typename> class K>
void CheckNonFinite(const K<T>& kernel, const std::vector<float>& values) {
  for (const Shape& shape : ShapesFor(kernel)) {
    if (!Accepts<T>(kernel.format, shape.block_in)) continue;
    for (float value : values) {
      for (Activation activation : kActivations) {
        SCOPED_TRACE(testing::Message() << shape << ", " << value);
        Problem<T> p = ProblemOf<T>(shape, 0.7, 5);
        p.call.x.data = p.x.data();
        p.call.epilogue.activation = activation;
        std::mt19937 random(11);
        for (int i = 0; i < 3; ++i) p.x[random() % p.x.size()] = value;
        const auto matmul = Create(p.matrix, kernel);
        const testing::Message key = Key(typeid(T).name(), shape, 0.7, 5)
                                     << ", " << value << ", " << static_cast<int>(activation);
        const std::vector<Close>& expected =
            Once<std::vector<Close>>(key, [&] { return ExpectedFloats(p); });
        for (const Threads& threads : {Threads(), RoundRobin(5)}) {
          ExpectSameKinds(expected, AsFloats(p.Run(*matmul, threads)));
        }
      }
    }
  }
}

TEST_P(FloatKernel, SpreadsNonFiniteInputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckNonFinite(GetParam(), {kInf, -kInf, kNan});
}

TEST_P(FloatGemv, SpreadsNonFiniteInputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckNonFinite(GetParam(), {kInf, -kInf, kNan});
}

// The largest float is rounded to infinity; a NaN of low bits alone must not be.
const float kLowNan = [] {
  const uint32_t bits = 0x7f800001;
  float nan;
  std::memcpy(&nan, &bits, sizeof(nan));
  return nan;
}();
const std::vector<float> kNotFiniteAsBf16 = {-kInf, kLowNan, std::numeric_limits<float>::max()};

TEST_P(Bf16Kernel, SpreadsNonFiniteInputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckNonFinite(GetParam(), kNotFiniteAsBf16);
}

TEST_P(Bf16Gemv, SpreadsNonFiniteInputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckNonFinite(GetParam(), kNotFiniteAsBf16);
}

template <typename K>
void CheckInt8(const K& kernel) {
  uint32_t seed = 0;
  for (const Shape& shape : ShapesFor(kernel)) {
    for (double sparsity : {0.0, 0.8, 1.0}) {
      ++seed;
      if (!Accepts<int8_t>(kernel.format, shape.block_in)) continue;
      Problem<int8_t>& p = ProblemOf<int8_t>(shape, sparsity, seed);
      if (seed % 5 == 1) p.call.epilogue.bias = nullptr;
      const auto matmul = Create(p.matrix, kernel);
      for (bool x_is_u8 : {true, false}) {
        for (bool y_is_u8 : {true, false}) {
          const testing::Message key = Key("expected", shape, sparsity, seed)
                                       << (x_is_u8 ? ", uint8" : ", float") << " to "
                                       << (y_is_u8 ? "uint8" : "float");
          SCOPED_TRACE(key);
          p.call.x.is_u8 = x_is_u8;
          p.call.x.data = x_is_u8 ? static_cast<const void*>(p.x.data()) : p.x_float.data();
          p.call.y.is_u8 = y_is_u8;
          const std::vector<uint8_t>& expected =
              Once<std::vector<uint8_t>>(key, [&] { return Expected(p); });
          ASSERT_EQ(p.Run(*matmul, Threads()), expected);
          ASSERT_EQ(p.Run(*matmul, RoundRobin(3)), expected) << "three threads";
          ASSERT_EQ(p.Run(*matmul, RoundRobin(16)), expected) << "sixteen threads";
        }
      }
    }
  }
}

// A thread more than tiles, and enough work to cut the outputs as well.
template <typename T>
void CheckCutOutputs(const Kernel<T>& kernel) {
  Problem<T>& p = ProblemOf<T>({100, 1024, 1024, 16, 4}, 0.0, 7);
  const auto matmul = Create(p.matrix, kernel);
  const std::vector<uint8_t> expected = p.Run(*matmul, Threads());
  const int64_t tiles = Tiles(100, kernel.vectors()).count();
  Threads threads = RoundRobin(static_cast<int>(tiles) + 1);
  int64_t max = 0;
  threads.parallel_for = [&max, share = threads.parallel_for](int64_t items, int64_t cost,
                                                              const Threads::Body& body) {
    max = std::max(max, items);
    share(items, cost, body);
  };
  EXPECT_EQ(p.Run(*matmul, threads), expected);
  EXPECT_GT(max, tiles);
}

TEST_P(FloatKernel, CutsOutputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckCutOutputs(GetParam());
}

TEST_P(Bf16Kernel, CutsOutputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckCutOutputs(GetParam());
}

TEST_P(Int8Kernel, CutsOutputs) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckCutOutputs(GetParam());
}

TEST_P(Int8Kernel, MatchesTheReferenceBitForBit) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckInt8(GetParam());
}

TEST_P(Int8Gemv, MatchesTheReferenceBitForBit) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckInt8(GetParam());
}

// The largest products there are, added up: nothing may saturate on the way.
template <typename K>
void CheckExtremes(const K& kernel, int64_t rows) {
  const Shape shape = {rows, 4096, 8, 8, 4};
  for (int8_t weight : {-128, 127}) {
    for (int32_t zero_point : {0, 255}) {
      SCOPED_TRACE(testing::Message() << int{weight} << ", zero point " << zero_point);
      Problem<int8_t> p(shape, 0.0, 3);
      std::fill(p.matrix.data.begin(), p.matrix.data.end(), weight);
      std::fill(p.dense.begin(), p.dense.end(), weight);
      std::fill(p.x.begin(), p.x.end(), zero_point == 0 ? 255 : 0);
      p.call.quantization.x_zero_point = zero_point;
      p.call.epilogue.activation = Activation::kLinear;
      EXPECT_EQ(p.Run(*Create(p.matrix, kernel), Threads()), Expected(p));
    }
  }
}

TEST_P(Int8Kernel, HoldsTheExtremes) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckExtremes(GetParam(), 17);
}

TEST_P(Int8Gemv, HoldsTheExtremes) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckExtremes(GetParam(), 1);
}

// Results of more than 32 bits before they are clamped: converting them would wrap.
template <typename K>
void CheckClamps(const K& kernel, int64_t rows) {
  Problem<int8_t> p({rows, 64, 80, 8, 4}, 0.2, 8);
  p.call.y.is_u8 = true;
  p.call.quantization.y_scale = 1e-9f;
  for (Activation activation : kActivations) {
    p.call.epilogue.activation = activation;
    EXPECT_EQ(p.Run(*Create(p.matrix, kernel), Threads()), Expected(p));
  }
}

TEST_P(Int8Kernel, ClampsWhatNoIntegerHolds) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckClamps(GetParam(), 33);
}

TEST_P(Int8Gemv, ClampsWhatNoIntegerHolds) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckClamps(GetParam(), 2);
}

template <typename K>
void CheckQuantizing(const K& kernel, int64_t rows) {
  const Shape shape = {rows, 70, 16, 8, 4};
  Problem<int8_t> p(shape, 0.5, 8);
  p.call.x.is_u8 = false;
  p.call.x.data = p.x_float.data();
  p.x_float[3] = kNan;
  p.x_float[75] = kInf;
  p.x_float[150] = -kInf;
  p.x_float[151] = 1e30f;
  p.x_float[152] = -1e30f;
  EXPECT_EQ(p.Run(*Create(p.matrix, kernel), Threads()), Expected(p));
}

TEST_P(Int8Kernel, QuantizesNonFiniteInputsAsDefined) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckQuantizing(GetParam(), 20);
}

TEST_P(Int8Gemv, QuantizesNonFiniteInputsAsDefined) {
  SKIP_IF_UNSUPPORTED(GetParam());
  CheckQuantizing(GetParam(), 3);
}

INSTANTIATE_TEST_SUITE_P(All, FloatKernel, testing::ValuesIn(Kernels<float>()),
                         TestName<Kernel<float>>);
INSTANTIATE_TEST_SUITE_P(All, Bf16Kernel, testing::ValuesIn(Kernels<BFloat16>()),
                         TestName<Kernel<BFloat16>>);
INSTANTIATE_TEST_SUITE_P(All, Int8Kernel, testing::ValuesIn(Kernels<int8_t>()),
                         TestName<Kernel<int8_t>>);
INSTANTIATE_TEST_SUITE_P(All, FloatGemv, testing::ValuesIn(GemvKernels<float>()),
                         TestName<GemvKernel<float>>);
INSTANTIATE_TEST_SUITE_P(All, Bf16Gemv, testing::ValuesIn(GemvKernels<BFloat16>()),
                         TestName<GemvKernel<BFloat16>>);
INSTANTIATE_TEST_SUITE_P(All, Int8Gemv, testing::ValuesIn(GemvKernels<int8_t>()),
                         TestName<GemvKernel<int8_t>>);

// Low blocks and small layers on AMX: whichever kernel is cheaper, and the same bits.
TEST(Matmul, TakesVnniWhereAmxMultipliesMostlyZeros) {
  if (!GetCpuFeatures().amx) GTEST_SKIP() << "this processor has no AMX";
  const auto takes_amx = [](double sparsity, int64_t block_out, int64_t block_in, int64_t in = 1024,
                            int64_t out = 64) {
    Problem<int8_t> p({40, in, out, block_out, block_in}, sparsity, 7);
    std::unique_ptr<const SparseLayer<int8_t>> matmul;
    EXPECT_TRUE(SparseLayer<int8_t>::Create(p.matrix.view(), Isa::kAmx, &matmul).ok());
    EXPECT_EQ(p.Run(*matmul, Threads()), Expected(p));
    return matmul->kernel_name(p.shape.rows).find("_amx_") != std::string::npos;
  };
  EXPECT_TRUE(takes_amx(0.5, 4, 1));
  EXPECT_FALSE(takes_amx(0.95, 4, 1));
  EXPECT_TRUE(takes_amx(0.8, 1, 1));
  EXPECT_FALSE(takes_amx(0.99, 1, 1));
  EXPECT_TRUE(takes_amx(0.95, 16, 4, 1024, 1024));
  EXPECT_TRUE(takes_amx(0.8, 16, 4));
  EXPECT_FALSE(takes_amx(0.8, 16, 4, 64, 64));  // what a tile costs weighs more than its products
}

// A few rows more than four fill AMX's tiles sooner than they fill the lanes elsewhere.
TEST(Matmul, TakesAmxForFewerRowsThanOtherKernels) {
  if (!GetCpuFeatures().amx) GTEST_SKIP() << "this processor has no AMX";
  for (int64_t rows : {1, 4, 5, 8, 9}) {
    Problem<int8_t> p({rows, 1024, 64, 16, 4}, 0.8, 7);
    std::unique_ptr<const SparseLayer<int8_t>> matmul;
    ASSERT_TRUE(SparseLayer<int8_t>::Create(p.matrix.view(), Isa::kAmx, &matmul).ok());
    EXPECT_EQ(matmul->kernel_name(rows).find("_amx_") != std::string::npos, rows > 4);
    EXPECT_EQ(p.Run(*matmul, Threads()), Expected(p));
  }
}

// Sums of the weights, and whatever the kernels read, whoever has written them.
TEST(Matmul, IsTheSameWhenManyThreadsPack) {
  Isa isa;
  ASSERT_TRUE(ChooseIsa(&isa).ok());
  for (int64_t rows : {2, 40}) {
    for (const Shape& shape : {Shape{rows, 130, 70, 4, 1}, Shape{rows, 64, 100, 16, 4}}) {
      Problem<int8_t> p(shape, 0.8, 7);
      std::unique_ptr<const SparseLayer<int8_t>> matmul;
      ASSERT_TRUE(SparseLayer<int8_t>::Create(p.matrix.view(), isa, &matmul, RoundRobin(3)).ok());
      EXPECT_EQ(p.Run(*matmul, Threads()), Expected(p));
    }
  }
}

TEST(Matmul, RefusesABrokenMatrix) {
  RandomMatrix<float> matrix(8, 8, 4, 1, 0, 1);
  matrix.indices[3] = 100;
  std::unique_ptr<const SparseLayer<float>> matmul;
  const Status status = SparseLayer<float>::Create(matrix.view(), Isa::kPortable, &matmul);
  EXPECT_NE(status.message().find("indices[3]=100"), std::string::npos) << status.message();
  EXPECT_EQ(matmul, nullptr);
}

TEST(Matmul, RefusesSumsThatCouldOverflow) {
  RandomMatrix<int8_t> matrix(1, 70000, 1, 1, 0, 1);
  std::fill(matrix.data.begin(), matrix.data.end(), int8_t{-128});
  std::unique_ptr<const SparseLayer<int8_t>> matmul;
  Status status = SparseLayer<int8_t>::Create(matrix.view(), Isa::kPortable, &matmul);
  EXPECT_NE(status.message().find("a sum of 8960000 for output 0"), std::string::npos)
      << status.message();
  std::fill(matrix.data.begin(), matrix.data.end(), int8_t{1});
  EXPECT_TRUE(SparseLayer<int8_t>::Create(matrix.view(), Isa::kPortable, &matmul).ok());
}

TEST(Matmul, LeavesYAloneWhenACallIsRefused) {
  Problem<int8_t> p({4, 8, 8, 4, 1}, 0.5, 1);
  std::unique_ptr<const SparseLayer<int8_t>> matmul;
  ASSERT_TRUE(SparseLayer<int8_t>::Create(p.matrix.view(), Isa::kPortable, &matmul).ok());
  std::vector<float> y(p.y_size(), 7.0f);
  p.call.y.data = y.data();
  p.call.quantization.x_scale = kNan;
  EXPECT_FALSE(matmul->Run(p.call, Threads()).ok());
  EXPECT_EQ(y, std::vector<float>(p.y_size(), 7.0f));
}

}  // namespace
}  // namespace tfsparse
