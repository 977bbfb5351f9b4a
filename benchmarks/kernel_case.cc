#include "benchmarks/kernel_case.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

#include "benchmarks/onednn_dense.h"
#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/kernels/reference.h"
#include "custom_ops/matmul/matmul.h"

namespace tfsparse {
namespace {

constexpr double kSeconds = 0.7;  // measured per case, both sides together
constexpr int kMinRepeats = 15;
constexpr int kTurn = 5;
constexpr int kCheckedRows = 16;

double Milliseconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double Median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

// Splits the items evenly over as many threads; started anew per call, which TensorFlow's
// pool would not do, so timings of more than one thread are a little too long.
Threads PlainThreads(int count) {
  Threads threads;
  threads.count = count;
  threads.parallel_for = [count](int64_t items, int64_t, const Threads::Body& body) {
    std::vector<std::thread> others;
    for (int t = 1; t < count; ++t) {
      others.emplace_back([&, t] { body(items * t / count, items * (t + 1) / count); });
    }
    body(0, items / count);
    for (std::thread& other : others) other.join();
  };
  return threads;
}

template <typename T>
struct Data {
  using X = std::conditional_t<std::is_same_v<T, float>, float, uint8_t>;

  explicit Data(const KernelCase& c)
      : matrix(c.n, c.k, c.block_out, c.block_in, c.sparsity, /*seed=*/1),
        dense(Unpack(matrix.view())),
        x(c.m * c.k),
        y(c.m * c.n),
        y_dense(c.m * c.n) {
    std::mt19937 random(2);
    for (int64_t i = 0; i < x.size(); ++i) {
      x.data()[i] = std::is_same_v<T, float>
                        ? static_cast<X>(std::uniform_real_distribution<float>(-1, 1)(random))
                        : static_cast<X>(random() % 256);
    }
    // Scales that spread y over uint8.
    const float spread = 100 / (128 * 74 * std::sqrt(c.k * (1 - c.sparsity) + 1));
    std::uniform_real_distribution<float> near_one(0.5f, 1.0f);
    for (int64_t n = 0; n < c.n; ++n) {
      scale.push_back(spread * near_one(random));
      bias_sum.push_back(static_cast<float>(static_cast<int>(random() % 2000) - 1000));
      bias.push_back(std::is_same_v<T, float> ? near_one(random) : scale[n] * bias_sum[n]);
    }
  }

  MatmulCall Call(const KernelCase& c) {
    MatmulCall call;
    call.x = x.data();
    call.x_is_u8 = call.y_is_u8 = !std::is_same_v<T, float>;
    call.rows = c.m;
    call.bias = bias.data();
    call.activation = Activation::kRelu;
    call.y = y.data();
    call.w_scale = scale.data();
    return call;
  }

  std::unique_ptr<OneDnnDense> Baseline(const KernelCase& c) const {
    if constexpr (std::is_same_v<T, float>) {
      return OneDnnDense::F32(c.m, c.k, c.n, dense, bias);
    } else {
      return OneDnnDense::U8S8(c.m, c.k, c.n, dense, scale, bias_sum);
    }
  }

  RandomMatrix<T> matrix;
  std::vector<T> dense;
  AlignedBuffer<X> x, y, y_dense;  // as TensorFlow's tensors are
  std::vector<float> scale, bias, bias_sum;
};

// Compares some rows, the first and the last among them.
template <typename T>
Status Check(const KernelCase& c, const Data<T>& data) {
  for (int i = 0; i < kCheckedRows; ++i) {
    const int64_t row = (c.m - 1) * i / (kCheckedRows - 1);
    for (int64_t n = 0; n < c.n; ++n) {
      const auto* x = data.x.data() + row * c.k;
      const T* w = data.dense.data() + n * c.k;
      const float ours = data.y.data()[row * c.n + n], theirs = data.y_dense.data()[row * c.n + n];
      float expected, bound, dense_bound;
      if constexpr (std::is_same_v<T, float>) {
        expected = static_cast<float>(ReferenceDot(x, w, c.k, data.bias[n], Activation::kRelu));
        bound = dense_bound = 1e-6f * (c.k + 1);  // |x|, |w| <= 1: k roundings of 2^-24
      } else {
        const float y = ReferenceDot(x, 0, w, c.k, data.scale[n], data.bias[n]);
        expected = QuantizeU8(y, 1.0f, 0);  // at zero point 0 this is the ReLU
        bound = 0;
        dense_bound = 1;  // rounds in another order
      }
      if (!(std::abs(ours - expected) <= bound) || !(std::abs(theirs - expected) <= dense_bound)) {
        return Status::Invalid("wrong result at row ", row, ", output ", n, ": expected ", expected,
                               ", ours ", ours, ", oneDNN ", theirs);
      }
    }
  }
  return {};
}

template <typename T>
Status Run(const KernelCase& c, double peak_gops, KernelResult* result) {
  Data<T> data(c);
  std::unique_ptr<const Matmul<T>> matmul;
  if (Status status = Matmul<T>::Create(data.matrix.view(), c.path, &matmul); !status.ok()) {
    return status;
  }
  SetOneDnnThreads(c.threads);
  const std::unique_ptr<OneDnnDense> baseline = data.Baseline(c);
  const Threads threads = PlainThreads(c.threads);
  const MatmulCall call = data.Call(c);
  const auto ours = [&] { (void)matmul->Run(call, threads); };
  const auto dense = [&] { baseline->Run(data.x.data(), data.y_dense.data()); };

  if (Status status = matmul->Run(call, threads); !status.ok()) return status;
  dense();
  if (Status status = Check(c, data); !status.ok()) return status;

  // In turns of a few calls: the machine's speed drifts, which turns cancel, but each
  // side should find the caches as its own calls leave them.
  std::vector<double> ours_ms, dense_ms;
  double total = 0;
  while (total < 1000 * kSeconds || ours_ms.size() < kMinRepeats) {
    for (int i = 0; i < kTurn; ++i) ours_ms.push_back(Milliseconds(ours));
    for (int i = 0; i < kTurn; ++i) dense_ms.push_back(Milliseconds(dense));
    for (int i = 1; i <= kTurn; ++i) total += ours_ms.end()[-i] + dense_ms.end()[-i];
  }

  const double stored = static_cast<double>(data.dense.size() -
                                            std::count(data.dense.begin(), data.dense.end(), T{0}));
  result->problem = c;
  result->kernel = matmul->kernel_name(c.m);
  result->sparsity = 1 - stored / static_cast<double>(data.dense.size());
  result->ms = Median(ours_ms);
  result->onednn_dense_ms = Median(dense_ms);
  result->effective_gops = 2e-6 * c.m * c.k * c.n / result->ms;
  result->real_gops = 2e-6 * c.m * stored / result->ms;
  result->peak_gops = peak_gops * c.threads;
  return {};
}

}  // namespace

Status RunKernelCase(const KernelCase& problem, double peak_gops, KernelResult* result) {
  return problem.precision == "fp32" ? Run<float>(problem, peak_gops, result)
                                     : Run<int8_t>(problem, peak_gops, result);
}

}  // namespace tfsparse
