#include "benchmarks/conv_case.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <type_traits>

#include "benchmarks/onednn_conv.h"
#include "benchmarks/onednn_dense.h"
#include "benchmarks/thread_pool.h"
#include "benchmarks/timing.h"
#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/conv/conv.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "custom_ops/kernels/reference.h"

namespace tfsparse {
namespace {

constexpr double kSeconds = 0.4;  // measured per case, both sides together

template <typename T>
struct Data {
  static constexpr bool kIsInt8 = std::is_same_v<T, int8_t>;
  using X = std::conditional_t<kIsInt8, uint8_t, float>;

  explicit Data(const ConvCase& c)
      : matrix(c.geometry.filters, c.geometry.inputs(), c.block_out, c.block_in, c.sparsity, 1),
        dense(Unpack(matrix.view())),
        x(c.geometry.batch * c.geometry.height.size * c.geometry.width.size * c.geometry.channels),
        y(c.geometry.pixels() * c.geometry.filters),
        y_dense(y.size()) {
    std::mt19937 random(2);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t i = 0; i < x.size(); ++i) {
      x.data()[i] = kIsInt8 ? static_cast<X>(random() % 256) : static_cast<X>(uniform(random));
    }
    // Scales that spread y over uint8.
    const float spread = 100 / (128 * 74 * std::sqrt(c.geometry.inputs() * (1 - c.sparsity) + 1));
    for (int64_t n = 0; n < c.geometry.filters; ++n) {
      scale.push_back(spread * (0.75f + uniform(random) / 4));
      bias_sum.push_back(static_cast<float>(static_cast<int>(random() % 2000) - 1000));
      bias.push_back(kIsInt8 ? scale[n] * bias_sum[n] : uniform(random));
    }
  }

  ConvCall Call(const ConvCase& c) {
    ConvCall call;
    call.geometry = c.geometry;
    call.call.x.data = x.data();
    call.call.x.is_u8 = call.call.y.is_u8 = kIsInt8;
    call.call.epilogue.bias = bias.data();
    call.call.epilogue.activation = Activation::kRelu;
    call.call.y.data = y.data();
    call.call.quantization.w_scale = scale.data();
    return call;
  }

  std::unique_ptr<OneDnnConv> Baseline(const ConvCase& c) const {
    if constexpr (kIsInt8) {
      return OneDnnConv::U8S8(c.geometry, dense, scale, bias_sum);
    } else {
      return OneDnnConv::F32(c.geometry, dense, bias);
    }
  }

  // In int8 oneDNN rounds in another order.
  Status Check(const ConvCase& c) const {
    const float bound = kIsInt8 ? 1 : 1e-6f * static_cast<float>(c.geometry.inputs() + 1);
    for (int64_t i = 0; i < y.size(); ++i) {
      const float ours = y.data()[i], theirs = y_dense.data()[i];
      if (!(std::abs(ours - theirs) <= bound)) {
        return Status::Invalid("wrong result at element ", i, ": oneDNN has ", theirs,
                               ", received ", ours);
      }
    }
    return {};
  }

  RandomMatrix<T> matrix;
  std::vector<T> dense;
  AlignedBuffer<X> x, y, y_dense;
  std::vector<float> scale, bias, bias_sum;
};

template <typename T>
Status Run(const ConvCase& c, ConvResult* result) {
  Data<T> data(c);
  ThreadPool pool(c.threads);
  const Threads threads = pool.threads();
  std::unique_ptr<const Conv<T>> conv;
  Status status = Conv<T>::Create(data.matrix.view(), c.isa, &conv, threads);
  if (!status.ok()) return status;
  SetOneDnnThreads(c.threads);
  const std::unique_ptr<OneDnnConv> baseline = data.Baseline(c);
  const ConvCall call = data.Call(c);
  const auto ours = [&] { (void)conv->Run(call, threads); };
  const auto dense = [&] { baseline->Run(data.x.data(), data.y_dense.data()); };
  if (status = conv->Run(call, threads); !status.ok()) return status;
  dense();
  if (status = data.Check(c); !status.ok()) return status;

  const auto ms = TimeInTurns<2>({ours, dense}, kSeconds);
  result->ms = ms[0], result->onednn_dense_ms = ms[1];
  result->kernel = conv->product(0).kernel_name(c.geometry.pixels());
  const double zeros = static_cast<double>(std::count(data.dense.begin(), data.dense.end(), T{0}));
  result->sparsity = zeros / static_cast<double>(data.dense.size());
  result->real_gops =
      2e-6 * static_cast<double>(c.geometry.pixels() * c.geometry.inputs() * c.geometry.filters) *
      (1 - result->sparsity) / result->ms;
  return {};
}

// A layer of ResNet-50: the size of its square images and of its kernels.
struct Row {
  int count;
  int64_t size, kernel, stride, channels, filters;
};

constexpr Row kRows[] = {
    {1, 224, 7, 2, 3, 64},                                // the stem
    {1, 56, 1, 1, 64, 64},    {3, 56, 3, 1, 64, 64},      //
    {4, 56, 1, 1, 64, 256},   {2, 56, 1, 1, 256, 64},     //
    {1, 56, 1, 1, 256, 128},  {1, 56, 3, 2, 128, 128},    //
    {4, 28, 1, 1, 128, 512},  {1, 56, 1, 2, 256, 512},    //
    {3, 28, 1, 1, 512, 128},  {3, 28, 3, 1, 128, 128},    //
    {1, 28, 1, 1, 512, 256},  {1, 28, 3, 2, 256, 256},    //
    {6, 14, 1, 1, 256, 1024}, {1, 28, 1, 2, 512, 1024},   //
    {5, 14, 1, 1, 1024, 256}, {5, 14, 3, 1, 256, 256},    //
    {1, 14, 1, 1, 1024, 512}, {1, 14, 3, 2, 512, 512},    //
    {3, 7, 1, 1, 512, 2048},  {1, 14, 1, 2, 1024, 2048},  //
    {2, 7, 1, 1, 2048, 512},  {2, 7, 3, 1, 512, 512},     //
};

ConvCase Case(const char* precision, const Row& row) {
  ConvCase c;
  c.precision = precision;
  c.count = row.count;
  ConvAxis axis;
  axis.size = row.size, axis.kernel = row.kernel, axis.stride = row.stride;
  axis.before = axis.after = row.kernel / 2;
  c.geometry.batch = 1;
  c.geometry.height = c.geometry.width = axis;
  c.geometry.channels = row.channels, c.geometry.filters = row.filters;
  c.target_vs_dense = 1;
  if (row.channels == 3) {  // the stem is not pruned, so that blocks are as one likes
    c.block_out = 16, c.block_in = 4;
    c.sparsity = c.target_vs_dense = 0;
  }
  return c;
}

}  // namespace

Status RunConvCase(const ConvCase& problem, ConvResult* result) {
  return problem.precision == "fp32" ? Run<float>(problem, result) : Run<int8_t>(problem, result);
}

std::vector<ConvCase> StandardConvCases() {
  std::vector<ConvCase> cases;
  for (const char* precision : {"int8", "fp32"}) {
    for (const Row& row : kRows) cases.push_back(Case(precision, row));
  }
  return cases;
}

}  // namespace tfsparse
