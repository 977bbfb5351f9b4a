// Every kernel of kernels.inc and gemv.inc that this processor can run, on convolutions of
// every kind: sizes around a lane, a tile and a run of inputs, paddings, strides, dilations and
// groups, partitions over threads, and guards around y. Loops over pixels and taps say what is
// right.

#include "custom_ops/conv/conv.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "custom_ops/base/round_robin.h"
#include "custom_ops/conv/conv_problem.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// name, batch, {size, kernel, stride, dilation, before, after} of height and width, channels,
// filters, groups, block
const ConvShape kShapes[] = {
    {"Stem", 1, {15, 7, 2, 1, 3, 2}, {17, 7, 2, 1, 2, 3}, 3, 16, 1, 2, 1},
    {"TapsThatFillRegisters", 2, {7, 3, 1, 1, 1, 1}, {7, 3, 1, 1, 1, 1}, 64, 19, 1, 2, 1},
    {"RowsOfTaps", 1, {9, 3, 2, 1, 0, 1}, {8, 3, 2, 1, 1, 0}, 16, 33, 1, 4, 4},
    {"RowsOfTapsWiderThanTheImage", 3, {3, 2, 1, 1, 1, 0}, {3, 5, 1, 1, 4, 3}, 16, 9, 1, 4, 1},
    {"Dilation", 1, {11, 3, 1, 2, 2, 2}, {10, 3, 1, 3, 3, 3}, 8, 12, 1, 4, 1},
    {"DilatedWideTaps", 1, {9, 3, 1, 4, 4, 4}, {6, 2, 2, 3, 1, 1}, 64, 6, 1, 16, 4},
    {"Groups", 1, {6, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}, 32, 32, 4, 4, 1},
    {"GroupsThatFillRegisters", 1, {5, 3, 2, 1, 1, 1}, {7, 3, 2, 1, 1, 1}, 128, 8, 2, 2, 4},
    {"Depthwise", 2, {7, 3, 1, 1, 1, 1}, {6, 3, 1, 1, 1, 1}, 6, 12, 6, 2, 1},
    {"JoinedGroups", 1, {8, 3, 1, 1, 1, 1}, {9, 3, 2, 1, 1, 1}, 128, 64, 16, 4, 1},
    {"DepthwiseJoined", 1, {7, 3, 1, 2, 2, 2}, {8, 3, 1, 1, 1, 1}, 96, 96, 96, 1, 1},
    {"Pointwise", 3, {5, 1, 1, 1, 0, 0}, {5, 1, 1, 1, 0, 0}, 20, 17, 1, 16, 4},
    {"PointwiseGroups", 2, {4, 1, 1, 1, 0, 0}, {5, 1, 1, 1, 0, 0}, 12, 16, 2, 8, 2},
    {"StridedPointwise", 2, {9, 1, 2, 1, 0, 0}, {8, 1, 3, 1, 0, 0}, 22, 15, 1, 5, 3},
    {"PaddedPointwise", 1, {3, 1, 1, 1, 3, 2}, {2, 1, 1, 1, 0, 4}, 7, 5, 1, 1, 1},
    {"CausalLine", 2, {1, 1, 1, 1, 0, 0}, {33, 5, 1, 2, 8, 0}, 12, 10, 1, 2, 2},
    {"ImageSmallerThanItsKernel", 4, {2, 5, 1, 1, 2, 2}, {2, 5, 1, 1, 2, 2}, 5, 6, 1, 3, 1},
    {"FewPixels", 1, {4, 3, 1, 1, 0, 0}, {4, 3, 2, 1, 1, 0}, 10, 24, 1, 4, 2},
    {"FewPixelsOfGroups", 1, {1, 1, 1, 1, 0, 0}, {2, 1, 1, 1, 0, 0}, 16, 40, 2, 4, 4},
    {"InputsOfSeveralCopies", 1, {5, 2, 1, 1, 1, 0}, {4, 2, 1, 1, 0, 1}, 277, 9, 1, 3, 2},
    {"BlocksAcrossTaps", 1, {6, 3, 1, 1, 1, 1}, {7, 3, 1, 1, 1, 1}, 6, 8, 1, 1, 4},
    {"OnePixelWide", 1, {150, 2, 1, 1, 0, 1}, {3, 3, 1, 1, 0, 0}, 16, 5, 1, 1, 1},
    {"StrideBeyondTheKernel", 2, {13, 2, 5, 1, 0, 0}, {14, 2, 5, 1, 1, 1}, 9, 7, 1, 7, 8},
    {"NoPixels", 0, {8, 3, 1, 1, 1, 1}, {8, 3, 1, 1, 1, 1}, 4, 8, 2, 4, 1},
    {"NoRoomForTheKernel", 1, {4, 5, 1, 1, 0, 0}, {9, 3, 1, 1, 0, 0}, 4, 8, 1, 4, 1},
};

class ConvOf : public testing::TestWithParam<ConvShape> {};

// Calls check(kernel, few-rows kernel or null) for all that can run the problem.
template <typename T, class Check>
void ForEachKernel(const ConvShape& shape, const Check& check) {
  for (const Kernel<T>& kernel : Kernels<T>()) {
    if (!Supported(kernel.isa) || !Accepts<T>(kernel.format, shape.block_in)) continue;
    SCOPED_TRACE(kernel.name);
    check(kernel, static_cast<const GemvKernel<T>*>(nullptr));
  }
  for (const GemvKernel<T>& few : GemvKernels<T>()) {
    if (!Supported(few.isa) || !Accepts<T>(few.format, shape.block_in)) continue;
    if (shape.geometry().pixels() > few.max_rows) continue;
    SCOPED_TRACE(few.name);
    check(SelectKernel<T>(few.isa, shape.block_out, shape.block_in), &few);
  }
}

template <typename T>
void CheckFloat(const ConvShape& shape) {
  ConvProblem<T> p(shape);
  p.SetResidual(shape.channels % 2);
  const std::vector<Close> expected = ExpectedFloats(p);
  ForEachKernel<T>(shape, [&](const Kernel<T>& kernel, const GemvKernel<T>* few) {
    const auto conv = CreateConv(p, kernel, few);
    const std::vector<uint8_t> bytes = p.Run(*conv, Threads());
    const std::vector<float> y = AsFloats(bytes);
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(y[i], expected[i].value, expected[i].bound) << "element " << i;
    }
    ASSERT_EQ(p.Run(*conv, RoundRobin(3)), bytes) << "three threads";
  });
}

TEST_P(ConvOf, FloatMatchesTheReference) { CheckFloat<float>(GetParam()); }
TEST_P(ConvOf, Bf16MatchesTheReference) { CheckFloat<BFloat16>(GetParam()); }

TEST_P(ConvOf, Int8MatchesTheReferenceBitForBit) {
  ConvProblem<int8_t> p(GetParam());
  int residual = 0;
  for (bool x_is_u8 : {true, false}) {
    for (bool y_is_u8 : {true, false}) {
      p.call.call.x.is_u8 = x_is_u8;
      p.call.call.x.data = x_is_u8 ? static_cast<const void*>(p.x.data()) : p.x_float.data();
      p.call.call.y.is_u8 = y_is_u8;
      p.call.call.epilogue.activation = y_is_u8 ? Activation::kRelu : Activation::kSilu;
      p.SetResidual((residual += 2) % 3);
      SCOPED_TRACE(testing::Message()
                   << (x_is_u8 ? "uint8" : "float") << " to " << (y_is_u8 ? "uint8" : "float")
                   << ", residual " << residual % 3);
      const std::vector<uint8_t> expected = Expected(p);
      ForEachKernel<int8_t>(GetParam(),
                            [&](const Kernel<int8_t>& kernel, const GemvKernel<int8_t>* few) {
                              const auto conv = CreateConv(p, kernel, few);
                              ASSERT_EQ(p.Run(*conv, Threads()), expected);
                              ASSERT_EQ(p.Run(*conv, RoundRobin(3)), expected) << "three threads";
                            });
    }
  }
}

// The product of the patches, group by group, has the same bits.
template <typename T>
void CheckLaw(const ConvShape& shape) {
  ConvProblem<T> p(shape);
  Isa isa;
  ASSERT_TRUE(ChooseIsa(&isa).ok());
  std::unique_ptr<const Conv<T>> conv;
  ASSERT_TRUE(Conv<T>::Create(p.matrix.view(), isa, &conv, Threads(), p.filter_groups()).ok());
  const std::vector<uint8_t> y = p.Run(*conv, RoundRobin(2));
  const int64_t filters = p.geometry.group_filters(), pixels = p.geometry.pixels();
  for (int64_t group = 0; group < shape.groups; ++group) {
    std::vector<typename ConvProblem<T>::X> patches;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      const auto padding = static_cast<typename ConvProblem<T>::X>(
          std::is_same_v<T, int8_t> ? p.call.call.quantization.x_zero_point : 0);
      const auto patch = p.Patch(p.x, pixel, group, padding);
      patches.insert(patches.end(), patch.begin(), patch.end());
    }
    std::vector<float> product(pixels * filters);
    LayerCall call = p.call.call;
    call.x.data = patches.data();
    call.rows = pixels;
    call.epilogue.bias += group * filters;
    call.quantization.w_scale += group * filters;
    call.y.data = product.data();
    std::unique_ptr<const SparseLayer<T>> matmul;
    const JoinedGroups<T> part(p.matrix.view(), p.filter_groups(), group, 1);
    ASSERT_TRUE(SparseLayer<T>::Create(part.view(), isa, &matmul).ok());
    ASSERT_TRUE(matmul->Run(call, Threads()).ok());
    for (int64_t i = 0; i < pixels * filters; ++i) {
      const int64_t place = i / filters * shape.filters + group * filters + i % filters;
      ASSERT_EQ(std::memcmp(&product[i], y.data() + place * sizeof(float), sizeof(float)), 0)
          << "pixel " << i / filters << ", filter " << group * filters + i % filters;
    }
  }
}

TEST_P(ConvOf, IsTheProductOfPatchesBitForBit) {
  CheckLaw<float>(GetParam());
  CheckLaw<BFloat16>(GetParam());
  CheckLaw<int8_t>(GetParam());
}

// A dense convolution makes NaN of every output where a NaN or infinity meets a zero.
template <typename T>
void CheckNonFinite(const ConvShape& shape) {
  ConvProblem<T> p(shape);
  if (p.x.empty()) return;
  p.call.call.epilogue.activation = Activation::kLinear;
  p.x[p.x.size() / 3] = kInf;
  p.x[p.x.size() / 2] = -kInf;
  p.x[p.x.size() - 1] = kNan;
  const std::vector<Close> expected = ExpectedFloats(p);
  ForEachKernel<T>(shape, [&](const Kernel<T>& kernel, const GemvKernel<T>* few) {
    const std::vector<float> y = AsFloats(p.Run(*CreateConv(p, kernel, few), RoundRobin(2)));
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(std::isnan(y[i]), std::isnan(expected[i].value)) << "element " << i;
      ASSERT_EQ(std::isinf(y[i]), std::isinf(expected[i].value)) << "element " << i;
    }
  });
}

TEST_P(ConvOf, SpreadsNonFiniteInputs) {
  CheckNonFinite<float>(GetParam());
  CheckNonFinite<BFloat16>(GetParam());
}

std::string NameOf(const testing::TestParamInfo<ConvShape>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(All, ConvOf, testing::ValuesIn(kShapes), NameOf);

// Enough groups for the threads to share them out whole.
TEST(Conv, SharesOutGroups) {
  ConvProblem<int8_t> p({"", 1, {9, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}, 1024, 64, 16, 4, 4});
  const auto conv = CreateConv(p, SelectKernel<int8_t>(Isa::kPortable, 4, 4));
  ASSERT_EQ(conv->products(), 16);
  int64_t items = 0;
  Threads threads = RoundRobin(2);
  threads.parallel_for = [&items, share = threads.parallel_for](int64_t count, int64_t cost,
                                                                const Threads::Body& body) {
    items = count;
    share(count, cost, body);
  };
  EXPECT_EQ(p.Run(*conv, threads), Expected(p));
  EXPECT_EQ(items, 16);
}

TEST(Conv, JoinsNarrowGroups) {
  const auto products = [](const ConvShape& shape) {
    const ConvProblem<int8_t> p(shape);
    return CreateConv(p, SelectKernel<int8_t>(Isa::kPortable, 4, 4))->products();
  };
  const ConvAxis axis = {3, 3, 1, 1, 1, 1};
  EXPECT_EQ(products({"", 1, axis, axis, 256, 256, 32, 4, 4}), 4);
  EXPECT_EQ(products({"", 1, axis, axis, 128, 64, 2, 4, 4}), 2);
  EXPECT_EQ(products({"", 1, axis, axis, 48, 48, 4, 4, 4}), 1);
  EXPECT_EQ(products({"", 1, axis, axis, 48, 64, 8, 4, 4}), 8) << "blocks straddle taps";
}

TEST(Conv, RefusesBlocksThatStraddleGroups) {
  RandomMatrix<float> matrix(12, 9, 4, 1, 0.5, 1);
  std::unique_ptr<const Conv<float>> conv;
  for (int64_t groups : {2, 5, 0, -1}) {
    const Status status =
        Conv<float>::Create(matrix.view(), Isa::kPortable, &conv, Threads(), {groups, 9});
    EXPECT_FALSE(status.ok()) << groups;
    EXPECT_EQ(conv, nullptr);
  }
  EXPECT_TRUE(Conv<float>::Create(matrix.view(), Isa::kPortable, &conv, Threads(), {3, 9}).ok());
}

TEST(Conv, RefusesBrokenWeights) {
  RandomMatrix<float> matrix(8, 9, 4, 1, 0, 1);
  matrix.indptr[1] = 100;
  std::unique_ptr<const Conv<float>> conv;
  EXPECT_FALSE(Conv<float>::Create(matrix.view(), Isa::kPortable, &conv, Threads(), {2, 9}).ok());
}

TEST(Conv, LeavesYAloneWhenACallIsRefused) {
  ConvProblem<int8_t> p(kShapes[0]);
  const auto conv = CreateConv(p, SelectKernel<int8_t>(Isa::kPortable, 2, 1));
  std::vector<float> y(p.y_size(), 7.0f);
  p.call.call.y.data = y.data();
  p.SetResidual(2);
  ConvCall calls[] = {p.call, p.call, p.call, p.call};
  calls[0].geometry.channels = 4;
  calls[1].geometry.height.stride = 0;
  calls[2].call.epilogue.residual.scale = kNan;
  calls[3].call.quantization.x_zero_point = 256;
  for (const ConvCall& call : calls) EXPECT_FALSE(conv->Run(call, Threads()).ok());
  EXPECT_EQ(y, std::vector<float>(p.y_size(), 7.0f));
}

}  // namespace
}  // namespace tfsparse
